"""What Prometheus says becomes what is known; what it does not say stays unknown."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.errors import NoData
from queryapi.promql.values import Sample
from queryapi.services import parts
from queryapi.services.model import Alert, Event, Hardware, Holdings, Node, Stamps, Task, Totals
from tests.support.fake_prometheus import (
    EVALUATED_AT,
    EVALUATION,
    SCRAPED_AT,
    STAMPS,
    TASKS,
    TOTALS,
    Series,
    series,
)


def read(*found: Series) -> Iterator[Sample]:
    """Return samples as the client decodes them: they can be gone over once."""
    return iter(msgspec.convert(list(found), tuple[Sample, ...], strict=False))


def test_totals_are_read() -> None:
    """Each total comes from the series that records it."""
    expected = Totals(
        capacity=16,
        allocated=4,
        free=12,
        free_nodes=2,
        free_block=8,
        running_tasks=1,
        utilized=3,
        utilization=0.25,
    )

    assert expected == parts.read_totals(read(*TOTALS))


def test_hardware_is_read_without_anybodys_work() -> None:
    """The totals that tell of nobody's work need no others."""
    found = [s for s in TOTALS if "alloc" not in s["metric"]["__name__"]]

    assert Hardware(16, 12, 2, 8) == parts.read_hardware(read(*found))
    with pytest.raises(NoData, match="cluster:gpu_capacity:sum"):
        parts.read_hardware(read(*found[1:]))


def test_the_exporters_knowledge_may_be_older_than_its_scrape() -> None:
    """An exporter that lost its API server goes on being scraped: its own word counts."""
    lost = series("cluster:gpu_state_timestamp_seconds:min", 900, cluster="c")

    assert Stamps(SCRAPED_AT, SCRAPED_AT) == parts.read_stamps(read(*STAMPS))
    assert Stamps(SCRAPED_AT, 900) == parts.read_stamps(read(*STAMPS, lost))
    with pytest.raises(NoData, match="cluster:gpu_snapshot"):
        parts.read_stamps(read(lost))


@pytest.mark.parametrize("value", ["1.7e12", "1e300", "-1"])
def test_a_moment_that_no_calendar_has_is_none(value: str) -> None:
    """A rule of somebody else's that counts milliseconds makes no answer, and no defect."""
    evaluated = series("cluster:gpu_evaluation_timestamp_seconds:max", value, cluster="c")
    scraped = series("cluster:gpu_snapshot_timestamp_seconds:max", value, cluster="c")
    lost = series("cluster:gpu_state_timestamp_seconds:min", value, cluster="c")

    with pytest.raises(
        NoData, match="gpu_state_timestamp_seconds:min of this cluster is not a Unix"
    ):
        parts.read_stamps(read(*STAMPS, lost))
    with pytest.raises(NoData, match="not a Unix time"):
        parts.read_evaluation(read(evaluated))
    with pytest.raises(NoData, match="not a Unix time"):
        parts.read_stamps(read(scraped))


def test_what_work_holds_is_read() -> None:
    """Work that tells of nothing holds nothing: its hardware says that somebody is watching."""
    found = read(
        series("", 6, told="node", node="a"),
        series("", 0.5, told="node", node="b"),
        series("", 6, told="allocated"),
        series("", 3, told="running"),
    )

    assert Holdings(6, 3, {"a": 6, "b": 0.5}) == parts.read_holdings(found)
    assert Holdings(0, 0, {}) == parts.read_holdings(read())


def test_the_evaluation_must_be_there_and_be_one() -> None:
    """Without a complete evaluation, or with those of two clusters, there is no answer."""
    other = series("cluster:gpu_evaluation_timestamp_seconds:max", 1, cluster="d")

    assert EVALUATED_AT == parts.read_evaluation(read(*EVALUATION))
    with pytest.raises(NoData, match="recording rules loaded"):
        parts.read_evaluation(read())
    with pytest.raises(NoData, match="of several"):
        parts.read_evaluation(read(*EVALUATION, other))


@pytest.mark.parametrize(
    "missing",
    [
        s["metric"]["__name__"]
        for s in TOTALS
        if "utiliz" not in s["metric"]["__name__"] and "timestamp" not in s["metric"]["__name__"]
    ],
)
def test_a_missing_total_is_not_zero(missing: str) -> None:
    """Without one of its series there is no answer, and the error names what to look at."""
    found = [s for s in TOTALS if s["metric"]["__name__"] != missing]

    with pytest.raises(NoData, match=f"no {missing} .*recording rules loaded"):
        parts.read_totals(read(*found))


@pytest.mark.parametrize("value", ["NaN", "+Inf"])
def test_a_number_that_is_none_counts_as_missing(value: str) -> None:
    """NaN and infinity are no readings."""
    with pytest.raises(NoData):
        parts.read_totals(read(series("cluster:gpu_capacity:sum", value), *TOTALS[1:]))


def test_utilisation_that_nobody_measures_is_unknown() -> None:
    """A fleet without node exporters has totals and no utilisation."""
    found = [s for s in TOTALS if "utiliz" not in s["metric"]["__name__"]]
    totals = parts.read_totals(read(*found))

    assert (None, None) == (totals.utilized, totals.utilization)


def test_two_rule_replicas_count_once() -> None:
    """Totals recorded by two Prometheus servers are not added up."""
    again = [{**s, "metric": {**s["metric"], "prometheus_replica": "b"}} for s in TOTALS]

    assert parts.read_totals(read(*TOTALS)) == parts.read_totals(read(*TOTALS, *again))


def test_totals_of_several_clusters_are_refused() -> None:
    """Matchers that select two clusters give an error, not a mixture."""
    with pytest.raises(NoData, match="select the totals of several"):
        parts.read_totals(read(*TOTALS, series("cluster:gpu_capacity:sum", 8, cluster="d")))


def test_nodes_are_read_by_name() -> None:
    """Kubernetes' nodes are listed, and no others; numbers nobody gave are unknown."""
    found = read(
        series("node:gpu_capacity:sum", 8, node="b"),
        series("node:gpu_allocated:sum", 2, node="b"),
        series("node:gpu_ready:min", 1, node="b"),
        series("node:gpu_cordoned:max", 1, node="b"),
        series("node:gpu_utilization_ratio:avg", 0.5, node="b"),
        series("node:gpu_ready:min", 0, node="a"),
        series("node:gpu_capacity:sum", 4, node="a"),
        series("node:gpu_utilization_ratio:avg", 0.5, node="unknown-to-kubernetes"),
    )
    a = Node("a", ready=False, cordoned=False, capacity=4, allocated=None, utilization=None)
    b = Node("b", ready=True, cordoned=True, capacity=8, allocated=2, utilization=0.5)

    assert (a, b) == parts.read_nodes(found)


def test_two_exporters_tell_of_one_task() -> None:
    """A pod that two replicas of the exporter report is one task with its GPUs once."""
    again = [{**s, "metric": {**s["metric"], "instance": "second"}} for s in TASKS]
    once = parts.read_tasks(read(*TASKS))

    assert once == parts.read_tasks(read(*TASKS, *again))
    assert [("u", 4, 400)] == [(task.uid, task.allocated, task.started_at) for task in once]


def test_a_pod_without_a_controller_is_its_own_workload() -> None:
    """A bare pod is called a Pod, by its own name."""
    [task] = parts.share_text(parts.read_tasks(read(*TASKS)))

    assert ("Pod", "p") == (task.workload_type, task.workload_name)


def test_a_task_of_which_little_is_known_is_still_a_task() -> None:
    """Tasks add up to the total even when a series of one is missing."""
    described, held, started = TASKS
    [nameless] = parts.read_tasks(read(held))
    [weightless] = parts.read_tasks(read(described))

    assert ("n", 4, None) == (nameless.node, nameless.allocated, nameless.started_at)
    assert (None, "o") == (weightless.allocated, weightless.owner)
    assert () == parts.read_tasks(read(started))


@given(
    st.lists(
        st.tuples(
            st.text(min_size=1, max_size=3),
            st.integers(1, 8),
            st.one_of(st.none(), st.integers(0, 10**9)),
        ),
        unique_by=lambda pod: pod[0],
    )
)
def test_tasks_add_up_and_are_ordered(pods: list[tuple[str, int, int | None]]) -> None:
    """Every pod is one task, GPUs add up, and tasks stand by age, those of unknown age last."""
    found = [series("gpu_pod_allocated", gpus, uid=uid, pod=uid) for uid, gpus, _ in pods]
    found += [
        series("gpu_pod_start_timestamp_seconds", start, uid=uid)
        for uid, _, start in pods
        if start is not None
    ]
    tasks = parts.read_tasks(read(*found))
    ages = [task.started_at for task in tasks]
    known = [age for age in ages if age is not None]

    assert sum(gpus for _, gpus, _ in pods) == sum(task.allocated or 0 for task in tasks)
    assert len(pods) == len(tasks)
    assert sorted(known) + [None] * (len(ages) - len(known)) == ages


def test_an_alert_keeps_its_identity() -> None:
    """An alert's id depends on its labels alone; its time is when the condition began."""
    firing = series("ALERTS", 1, alertname="A", alertstate="firing", node="n")
    since = series("ALERTS_FOR_STATE", 500, alertname="A", node="n")
    pending = series("ALERTS_FOR_STATE", 600, alertname="A", node="m")
    [alert] = parts.read_alerts(read(firing, since, pending))

    assert Alert(alert.id, {"alertname": "A", "node": "n"}, 500) == alert
    assert [alert.id] == [again.id for again in parts.read_alerts(read(since, firing))]
    assert 16 == len(alert.id)


def test_events_come_newest_first() -> None:
    """Events of one moment keep a fixed order; a time no calendar has is no event."""
    found = read(
        series("", 5, id="a", type="T", object="o", message="m"),
        series("", 9, id="b"),
        series("", 5, id="0"),
        series("", 1e300, id="c"),
    )

    events = parts.read_events(found)

    assert ["b", "0", "a"] == [event.id for event in events]
    assert Event("a", "T", "o", "m", 5) == events[2]


def test_equal_texts_of_many_tasks_are_one() -> None:
    """Tasks of one team cost the team's name once, also when another process read them."""

    def texts(tasks: tuple[Task, ...]) -> list[int]:
        return [
            len({id(getattr(task, name)) for task in tasks})
            for name in ("namespace", "node", "workload_type", "workload_name", "owner")
        ]

    found = [
        series(
            "gpu_pod_info", 1, uid=str(number), pod=f"p{number}",
            namespace="team-one", node="node-one", workload_type="Job", workload_name="job-one",
            owner="owner-one",
        )
        for number in range(9)
    ]  # fmt: skip
    tasks = parts.read_tasks(read(*found))
    encoded = msgspec.msgpack.encode(tasks)
    theirs = msgspec.msgpack.decode(encoded, type=tuple[Task, ...])

    assert [1] * 5 == texts(tasks)
    assert tasks == parts.share_text(theirs)
    assert [1] * 5 == texts(parts.share_text(theirs))
