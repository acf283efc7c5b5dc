"""What is known of a cluster is told in the document's words and numbers."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.access.principal import Scope
from queryapi.cache.memo import Answers
from queryapi.cache.windows import Flight, Window
from queryapi.services.freshness import Freshness
from queryapi.services.model import Alert, Event, Hardware, Holdings, Node, Task, Totals
from queryapi.services.part import Reading
from queryapi.services.realtime import Extra, running_tasks, status
from queryapi.services.snapshot import Snapshot

_TOTALS = Totals(
    capacity=16,
    allocated=4,
    free=12,
    free_nodes=2,
    free_block=8,
    running_tasks=1,
    utilized=3,
    utilization=0.25,
)


def snapshot(**known: object) -> Snapshot:
    """Return a snapshot at Unix time 1000 that holds the parts given by name."""
    window = Window(opened=1000.9, ends=1030, answers=Answers().shelf())
    for name, value in {"totals": _TOTALS, **known}.items():
        flight = window.flights[name] = Flight()
        flight.land(Reading(value, replica=0))
    return Snapshot("c", window, Freshness(at=1000.9, age=0, lifetime=30, stale=False))


def totals(**changed: float | None) -> Snapshot:
    """Return a snapshot whose totals differ in what is given."""
    return snapshot(totals=msgspec.structs.replace(_TOTALS, **changed))


@pytest.mark.parametrize(
    ("expected", "value"),
    [(4, 4.0), (1.5, 1.5), (0.333, 1 / 3), (1, 0.99999), (0, 0.0), (20_000, 20_000.0)],
)
def test_whole_amounts_are_integers(expected: float, value: float) -> None:
    """GPUs are integers where they are whole, and shares have three decimals at most."""
    told = status(totals(allocated=value), frozenset()).current_gpu_usage.allocated_gpus

    assert (expected, type(expected)) == (told, type(told))


@pytest.mark.parametrize(
    ("rate", "allocated", "capacity"), [(80.0, 64, 80), (33.3, 1, 3), (0.0, 0, 0), (0.0, 4, 0)]
)
def test_rates_are_percentages_with_one_decimal(
    rate: float, allocated: float, capacity: float
) -> None:
    """A cluster without GPUs has a rate of zero, as its document says."""
    usage = status(totals(allocated=allocated, capacity=capacity), frozenset()).current_gpu_usage

    assert rate == usage.allocation_rate


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_every_number_can_be_told(allocated: float, capacity: float) -> None:
    """Whatever Prometheus records, the answer is valid JSON."""
    told = status(totals(allocated=allocated, capacity=capacity), frozenset())

    assert msgspec.json.decode(msgspec.json.encode(told))["cluster"] == "c"


@pytest.mark.parametrize(
    ("expected", "ready", "cordoned"),
    [
        ("Ready", True, False),
        ("NotReady", False, False),
        ("Ready,SchedulingDisabled", True, True),
        ("NotReady,SchedulingDisabled", False, True),
    ],
)
def test_a_nodes_status_reads_as_kubectl_writes_it(
    expected: str,
    ready: bool,  # noqa: FBT001 - a table's column
    cordoned: bool,  # noqa: FBT001 - idem
) -> None:
    """Ready or not, and whether it takes work; what nobody measures is null."""
    node = Node("n", ready=ready, cordoned=cordoned, capacity=8, allocated=None, utilization=None)
    told = status(snapshot(nodes=(node,)), frozenset({Extra.NODES})).nodes

    assert (
        {
            "node_name": "n",
            "status": expected,
            "total_gpus": 8,
            "allocated_gpus": None,
            "utilization": None,
        },
    ) == msgspec.to_builtins(told)


def test_alerts_are_told_in_words_worst_first() -> None:
    """Severity, what, where and since when; a severity of one's own counts as info."""
    alerts = (
        Alert("3", {"alertname": "GPUXidErrors", "severity": "page", "job": "j"}, None),
        Alert("2", {"alertname": "GpuTooHot", "severity": "WARNING", "node": "n", "gpu": "3"}, 900),
        Alert("1", {"alertname": "Ä!", "severity": "critical", "instance": "i:1", "a_b": "x"}, 950),
        Alert("0", {"severity": "warning"}, 800),
    )
    told = msgspec.to_builtins(status(snapshot(alerts=alerts), frozenset({Extra.ALERTS})).alerts)

    assert [
        ("1", "critical", "Ä!", "Ä!: a b x", "1970-01-01T00:15:50Z", "i:1"),
        ("0", "warning", "", "", "1970-01-01T00:13:20Z", ""),
        ("2", "warning", "GpuTooHot", "GPU too hot: gpu 3, node n", "1970-01-01T00:15:00Z", "n"),
        ("3", "info", "GPUXidErrors", "GPU XID errors", None, "j"),
    ] == [tuple(item.values()) for item in told]
    assert ["id", "severity", "type", "message", "timestamp", "source"] == list(told[0])


def test_events_are_told() -> None:
    """An event has the four documented fields."""
    event = Event("e", "PodCreated", "ml/p", "Pod created with 4 GPUs", 59.9)
    told = status(snapshot(events=(event,)), frozenset({Extra.EVENTS})).recent_events

    assert (
        {
            "timestamp": "1970-01-01T00:00:59Z",
            "type": "PodCreated",
            "object": "ml/p",
            "message": "Pod created with 4 GPUs",
        },
    ) == msgspec.to_builtins(told)


@pytest.mark.parametrize(
    ("seconds", "since", "started_at"),
    [
        (100, "1970-01-01T00:15:00Z", 900.5),
        (0, "1970-01-01T00:17:00Z", 1020),
        (None, None, None),
    ],
)
def test_a_task_has_run_since_it_started(
    seconds: int | None, since: str | None, started_at: float | None
) -> None:
    """Whole seconds, never negative when clocks disagree, null when the start is unknown."""
    task = Task("u", "p", "ml", "n", "Job", "j", "o", 1, started_at)
    [told] = running_tasks(snapshot(tasks=(task,)), None).tasks

    assert (seconds, since) == (told.running_time_seconds, told.started_at)


def test_a_caller_of_some_namespaces_sees_their_work_on_everybodys_hardware() -> None:
    """What is allocated is theirs, what there is and what is free is the cluster's."""
    nodes = tuple(
        Node(name, ready=True, cordoned=False, capacity=8, allocated=None, utilization=None)
        for name in ("a", "b")
    )
    told = status(
        snapshot(
            hardware=Hardware(capacity=16, free=4, free_nodes=1, free_block=4),
            holdings=Holdings(allocated=6, running=2, by_node={"a": 6}),
            machines=nodes,
        ),
        frozenset({Extra.NODES}),
        Scope(namespaces=frozenset({"ml"})),
    )

    assert {
        "total_gpus": 16,
        "allocated_gpus": 6,
        "utilized_gpus": None,
        "allocation_rate": 37.5,
        "utilization_rate": None,
    } == msgspec.to_builtins(told.current_gpu_usage)
    assert 2 == told.running_tasks
    assert {
        "available_gpus": 4,
        "available_nodes": 1,
        "max_contiguous_gpu": 4,
    } == msgspec.to_builtins(told.available_resources)
    assert told.nodes
    assert [("a", 6), ("b", 0)] == [(node.node_name, node.allocated_gpus) for node in told.nodes]
