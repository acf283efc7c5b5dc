"""Happenings, counters and waits as a scrape shows them."""

import textwrap
from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from exporter.cluster.events import eventsamples
from exporter.cluster.events.chronicle import Chronicle
from exporter.cluster.events.journal import Happening, Journal
from exporter.cluster.events.kubeevents import KubeEvent, KubeWarnings
from exporter.exposition import render
from tests.support.life import NodeLife, PodLife

POD = PodLife("u1", created=100.0)
NODE = NodeLife("v1", created=50.0)
WARNING = KubeEvent(
    uid="e1",
    normal=False,
    kind="Pod",
    namespace="ml",
    name="p1",
    object_uid="u1",
    reason="BackOff",
    message='a "quoted" \\ message',
    count=3,
    when=150.0,
    resumed=False,
)


class Story:
    """Everything the samples are made from."""

    def __init__(self, limit: int = 10) -> None:
        self.journal = Journal(limit)
        self.chronicle = Chronicle(self.journal, lambda: 1000.0)
        self.warnings = KubeWarnings(self.journal, lambda: 1000.0, lambda _: True)

    def page(self) -> list[str]:
        """Return all samples, in the order of the page."""
        return "".join(
            [
                *eventsamples.of_journal(self.journal).values(),
                *eventsamples.of_counters(self.journal, self.chronicle, self.warnings).values(),
            ]
        ).splitlines()


def test_a_story() -> None:
    """What happened is there newest first, and counted, and how long it took."""
    story = Story(limit=3)
    story.chronicle.node_came(NODE, 8, news=False)
    story.chronicle.pod_came(POD, 2, news=True)
    started = replace(POD, node="n1", phase="Running", scheduled=107.0, started=130.0)
    story.chronicle.pod_changed(POD, started)
    story.warnings.put(WARNING)

    expected = textwrap.dedent("""
        gpu_event_timestamp_seconds{id="Warning/e1",type="BackOff",object="ml/p1",message="a \\"quoted\\" \\\\ message"} 150
        gpu_event_timestamp_seconds{id="PodStarted/u1",type="PodStarted",object="ml/p1",message="Pod started on n1"} 130
        gpu_event_timestamp_seconds{id="PodCreated/u1",type="PodCreated",object="ml/p1",message="Pod created with 2 GPUs"} 100
        gpu_events_total{type="PodCreated"} 1
        gpu_events_total{type="PodScheduled"} 1
        gpu_events_total{type="PodStarted"} 1
        gpu_events_total{type="PodFinished"} 0
        gpu_events_total{type="PodFailed"} 0
        gpu_events_total{type="PodEvicted"} 0
        gpu_events_total{type="PodDeleted"} 0
        gpu_events_total{type="NodeAdded"} 0
        gpu_events_total{type="NodeRemoved"} 0
        gpu_events_total{type="NodeReady"} 0
        gpu_events_total{type="NodeNotReady"} 0
        gpu_events_total{type="NodeCordoned"} 0
        gpu_events_total{type="NodeUncordoned"} 0
        gpu_events_dropped_total 1
        gpu_kubernetes_warnings_total{kind="Pod",reason="BackOff"} 3
    """)  # noqa: E501 - exposition text cannot be broken
    page = story.page()

    assert expected.strip().splitlines() == page[:18]
    assert [
        'gpu_pod_queue_wait_seconds_bucket{le="1.0"} 0',
        'gpu_pod_queue_wait_seconds_bucket{le="2.0"} 0',
        'gpu_pod_queue_wait_seconds_bucket{le="5.0"} 0',
        'gpu_pod_queue_wait_seconds_bucket{le="10.0"} 1',
    ] == page[18:22]
    assert [
        'gpu_pod_startup_seconds_bucket{le="86400.0"} 1',
        'gpu_pod_startup_seconds_bucket{le="+Inf"} 1',
        "gpu_pod_startup_seconds_count 1",
        "gpu_pod_startup_seconds_sum 23",
    ] == page[-4:]


def test_pods_that_ended_on_a_node() -> None:
    """Both results are there from the start, for nodes with GPUs only."""
    story = Story()
    story.chronicle.node_came(NODE, 8, news=False)
    story.chronicle.pod_came(replace(POD, node="n1", phase="Failed"), 2, news=True)

    assert {"succeeded": 0, "failed": 1} == story.chronicle.completed("n1")
    assert {} == story.chronicle.completed("n2")


def test_every_family_reads_back() -> None:
    """Prometheus' own parser finds the families with their types, whatever stands in a label."""
    story = Story()
    story.journal.add(Happening(1.0, "x", "BackOff", 'a"\\', "half \ud800\n"))
    story.warnings.put(WARNING)
    story.chronicle.node_came(NODE, 8, news=True)
    lines = {
        **eventsamples.of_journal(story.journal),
        **eventsamples.of_counters(story.journal, story.chronicle, story.warnings),
    }
    page = b"".join(render(family, [text]) for family, text in lines.items()).decode()

    assert {
        "gpu_event_timestamp_seconds": "gauge",
        "gpu_events": "counter",
        "gpu_events_dropped": "counter",
        "gpu_kubernetes_warnings": "counter",
        "gpu_pod_queue_wait_seconds": "histogram",
        "gpu_pod_startup_seconds": "histogram",
    } == {it.name: it.type for it in text_string_to_metric_families(page)}
