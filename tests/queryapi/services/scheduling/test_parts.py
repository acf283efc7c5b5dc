"""What exporters say becomes workers and operations; what nobody says stays unknown."""

from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.errors import NoData
from queryapi.promql.values import Sample
from queryapi.services.model import Stamps
from queryapi.services.scheduling import accounting, parts
from queryapi.services.scheduling.equipment import needs, read_equipment
from queryapi.services.scheduling.model import (
    Equipment,
    Pod,
    PodNumbers,
    PodTexts,
    Readiness,
    Stage,
)
from tests.support import scheduling_series as told
from tests.support.scheduling_series import Series

_PHASES = ("Pending", "Running", "Unknown", "Succeeded", "Failed", "")
_NODES = ("", "a", "b", "gone")


def read(*found: Series) -> Iterator[Sample]:
    """Return samples as the client decodes them: they can be gone over once."""
    return iter(msgspec.convert(list(found), tuple[Sample, ...], strict=False))


def test_the_moment_is_the_oldest_scrape_and_what_was_known_then() -> None:
    """An exporter that lost its API server is as old as what it knows."""
    assert Stamps(990, 990) == parts.read_moment(read(*told.scrape(990)))
    assert Stamps(990, 900) == parts.read_moment(read(*told.scrape(990, known=900)))
    assert Stamps(990, 990) == parts.read_moment(read(*told.scrape(990, known=991)))


def test_without_a_moment_there_is_no_answer() -> None:
    """Nor with those of two clusters, nor with one that no calendar has."""
    other = told.told("", 1, told="scraped", cluster="d")

    for found in ([], told.scrape(990)[:1], told.scrape(1e300)):
        with pytest.raises(
            NoData, match="is the cluster exporter scraped, does it follow its API server"
        ):
            parts.read_moment(read(*found))
    with pytest.raises(NoData, match="select several"):
        parts.read_moment(read(*told.scrape(990), other))


@pytest.mark.parametrize(
    ("expected", "phase", "node"),
    [
        (Stage.QUEUED, "Pending", ""),
        (Stage.CACHE_CHECK, "Pending", "n"),
        (Stage.EXECUTING, "Running", "n"),
        (Stage.EXECUTING, "Unknown", "n"),
        (Stage.QUEUED, "Unknown", ""),
        (Stage.COMPLETED, "Succeeded", "n"),
        (Stage.COMPLETED, "Failed", "n"),
        (Stage.COMPLETED, "Failed", ""),
    ],
)
def test_a_stage_follows_from_phase_and_node(expected: Stage, phase: str, node: str) -> None:
    """A pod that its node prepares is checking its inputs; one that ended is completed."""
    [pod] = parts.read_pods(read(*told.pod("u", phase, node)))

    assert Pod("u", expected, node or None) == pod


@given(
    st.permutations(
        [
            *told.pod("u", "Pending"),
            *told.pod("u", "Running", "n"),
            *told.pod("u", "Succeeded", "n"),
            *told.pod("v", "Pending"),
            *told.pod("v", "Running", "m"),
        ]
    )
)
def test_of_two_exporters_the_one_that_saw_more_is_right(found: list[Series]) -> None:
    """In whatever order they tell: a pod goes on to its end and stays on its node."""
    expected = {Pod("u", Stage.COMPLETED, "n"), Pod("v", Stage.EXECUTING, "m")}

    assert expected == set(parts.read_pods(read(*found)))


def test_a_pod_whose_state_nobody_tells_is_none() -> None:
    """A node alone makes no operation."""
    assert () == parts.read_pods(read(told.told("", 1, uid="u", node="n")))


def test_workers_are_paused_or_draining_never_both() -> None:
    """What sends work away wins; a node that only a device exporter knows is no worker."""
    found = read(
        *(told.node(name) for name in ("ready", "cordoned", "pressed", "blind", "dead", "leaving")),
        told.node("down", ready=False),
        told.node("down-and-cordoned", ready=False),
        told.told("gpu_node_cordoned", 1, node="cordoned"),
        told.told("gpu_node_cordoned", 1, node="down-and-cordoned"),
        told.told("gpu_node_problem", 1, node="pressed", problem="memory_pressure"),
        told.told("gpu_node_problem", 1, node="leaving", problem="draining"),
        told.told("gpu_exporter_driver_up", 0, node="blind"),
        told.told("gpu_up", 0, node="dead"),
        told.told("gpu_up", 0, node="unknown-to-kubernetes"),
    )
    paused, draining = Readiness.PAUSED, Readiness.DRAINING

    assert {
        "blind": paused,
        "cordoned": draining,
        "dead": paused,
        "down": paused,
        "down-and-cordoned": draining,
        "leaving": draining,
        "pressed": paused,
        "ready": Readiness.ACTIVE,
    } == parts.read_machines(found)


def test_equipment_is_written_in_the_words_of_a_platform() -> None:
    """All texts; a node's resources are added up, what nobody tells is left out."""
    found = read(
        told.told("gpu_node_allocatable_cpu_cores", 7.9, node="a"),
        told.told("gpu_node_allocatable_memory_bytes", 16384 * 1024 + 1, node="a"),
        told.told("gpu_node_allocatable", 4, node="a", resource="whole"),
        told.told("gpu_node_allocatable", 0.5, node="a", resource="shared"),
        told.told("gpu_node_free", 0, node="a", resource="whole"),
        told.told("gpu_node_device_memory_bytes", 80 * 1024**3, node="a"),
        told.told("gpu_node_info", 1, node="a", architecture="arm64", os="linux", model="H100"),
        told.told("gpu_driver_info", 1, node="a", driver_version="570", cuda_version="12.8"),
        told.told("gpu_exporter_last_collection_timestamp_seconds", 990.5, node="a"),
        told.told("gpu_node_created_timestamp_seconds", 100, node="a"),
        told.told("gpu_node_ready_since_timestamp_seconds", 200, node="a"),
        told.told("gpu_node_created_timestamp_seconds", 300, node="b"),
        told.told("gpu_node_allocatable_cpu_cores", "NaN", node="b"),
        told.told("gpu_node_info", 1, node="b", architecture="riscv64"),
        told.told("gpu_node_created_timestamp_seconds", "1e300", node="c"),
    )

    assert {
        "a": Equipment(
            {
                "cpu_count": "7",
                "memory_kb": "16384",
                "cpu_arch": "aarch64",
                "OSFamily": "Linux",
                "gpu_count": "4.5",
                "gpu_model": "H100",
                "gpu_memory_mb": "81920",
                "gpu_free": "0",
                "driver_version": "570",
                "cuda_version": "12.8",
            },
            990.5,
            200,
        ),
        "b": Equipment({"cpu_arch": "riscv64"}, None, 300),
        "c": Equipment({}, None, None),
    } == read_equipment(found)


def test_what_a_pod_asks_for_is_rounded_up() -> None:
    """A pod that asks for half a core needs one; what it does not ask for is left out."""
    assert {"cpu_count": "1", "memory_kb": "2", "gpu_count": "0.5", "gpu_model": "H100"} == needs(
        PodNumbers(cores=0.5, memory=1025, gpus=0.5), "H100"
    )
    assert {} == needs(PodNumbers(), "")


def test_texts_and_numbers_are_kept_by_pod() -> None:
    """Equal values are one object; of two exporters' texts the same one is always kept."""
    found = [told.texts("u", "ml", "p", gpu_model="H100"), told.texts("u", "ml", "p")]
    numbers = [told.created("u", 5.0), told.created("v", 5.0), told.told("gpu_pod_priority", "NaN")]
    read_numbers = parts.read_numbers(read(*numbers))

    assert {"u": PodTexts("ml", "p", "H100", "", "", "", "")} == parts.read_texts(read(*found))
    assert parts.read_texts(read(*found)) == parts.read_texts(read(*reversed(found)))
    assert {"u": PodNumbers(created=5), "v": PodNumbers(created=5)} == read_numbers
    assert read_numbers["u"].created is read_numbers["v"].created


def test_what_another_process_read_is_as_small_as_our_own() -> None:
    """Equal texts become one object again, and nothing else changes."""
    pods = (Pod("u", Stage.EXECUTING, "node-1"), Pod("v", Stage.QUEUED, None))
    texts = {"u": PodTexts("ml", "p", "H100", "", "", "", "")}
    sent = msgspec.msgpack.decode(msgspec.msgpack.encode(pods), type=parts.Pods)

    assert pods == parts.share_pods(sent)
    assert texts == parts.share_fields(texts)


def test_completions_are_whole() -> None:
    """A number that is none is nobody's."""
    found = [told.told("", 42, node="a"), told.told("", "NaN", node="b")]

    assert {"a": 42} == parts.read_completions(read(*found))


pods_told = st.lists(
    st.tuples(
        st.sampled_from("uvwxyz"),
        st.sampled_from(_PHASES),
        st.sampled_from(_NODES),
    )
)
gone_pods = st.lists(
    st.tuples(st.sampled_from("uvwxyz"), st.sampled_from(("Succeeded", "Failed")), st.just(""))
)
machines = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(Readiness))


def known(*numbers: int | None) -> int:
    """Return the sum of numbers that exporters always tell."""
    return sum(number for number in numbers if number is not None)


def _pods(found: list[tuple[str, str, str]]) -> tuple[Pod, ...]:
    return parts.read_pods(read(*(one for pod in found for one in told.pod(*pod))))


@given(live=pods_told, gone=gone_pods, nodes=machines)
def test_lists_and_numbers_agree(
    live: list[tuple[str, str, str]], gone: list[tuple[str, str, str]], nodes: dict[str, Readiness]
) -> None:
    """Whatever exporters tell: sums add up, and the numbers are those of the lists."""
    pods = accounting.together(_pods(live), _pods(gone), {"u": PodTexts(*"abcdefga")})
    counts = accounting.counts(nodes, pods)
    workers = accounting.workers(nodes, {}, {}, pods, 990.5)
    operations = accounting.operations(pods, {}, {})
    unfinished = [found for found in operations if not found.is_finished]

    assert len(workers) == counts.workers == known(counts.active, counts.paused, counts.draining)
    assert len(operations) == counts.operations
    assert counts.operations == known(counts.queued, counts.executing, counts.completed)
    assert counts.active == sum(worker.can_accept_work for worker in workers)
    assert counts.paused == sum(worker.is_paused for worker in workers)
    assert counts.draining == sum(worker.is_draining for worker in workers)
    assert counts.queued == sum(found.worker_id is None for found in unfinished)
    assert counts.executing == sum(found.worker_id is not None for found in unfinished)
    assert all(1 == n for n in Counter(found.operation_id for found in operations).values())
    for worker in workers:
        assert list(worker.running_operations) == sorted(
            found.operation_id for found in unfinished if found.worker_id == worker.id
        )


@given(st.permutations("abcde"))
def test_operations_have_one_order(uids: list[str]) -> None:
    """Unfinished ones first, then the newest, then by id; an unknown age comes last."""
    stages = {"a": Stage.COMPLETED, "b": Stage.QUEUED}
    pods = [Pod(uid, stages.get(uid, Stage.EXECUTING), None) for uid in uids]
    numbers = {uid: PodNumbers(created=at) for uid, at in zip("abcd", (9, 1, 2, 2), strict=True)}
    found = accounting.operations(pods, {}, numbers)

    assert ["c", "d", "b", "e", "a"] == [operation.operation_id for operation in found]


def test_a_pod_that_is_there_is_not_gone() -> None:
    """One that two questions tell of is one operation, as it is now."""
    now, before = Pod("u", Stage.EXECUTING, "n"), Pod("u", Stage.COMPLETED, "n")

    assert (now,) == accounting.together([now], [before], {})


def test_a_pod_that_is_gone_was_where_its_last_words_say() -> None:
    """Before it was bound it was nowhere: the later words count."""
    found = [told.texts("u", "ml", "p"), told.texts("u", "ml", "p", node="n")]
    gone = parts.read_pods(read(*told.pod("u", "Failed")))

    for told_texts in (found, found[::-1]):
        texts = parts.read_texts(read(*told_texts))

        assert (Pod("u", Stage.COMPLETED, "n"),) == accounting.together([], gone, texts)


def test_an_operation_of_which_little_is_known_is_still_one() -> None:
    """It has its UID for a name; a deadline that is no number is none."""
    pods = [Pod("u", Stage.QUEUED, None), Pod("v", Stage.QUEUED, None)]
    texts = {"v": PodTexts("ml", "p", "", "never", "", "", "")}
    unknown, known = accounting.operations(pods, texts, {})

    assert ("u", None) == (unknown.client_operation_id, unknown.insert_timestamp)
    assert ("ml:p", 0) == (known.client_operation_id, known.timeout)
