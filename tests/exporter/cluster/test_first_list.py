"""What is history when the exporter starts, and what Kubernetes itself warns of."""

from collections.abc import Callable

from tests.support.dra import claim, gpus, slice_
from tests.support.objects import EPOCH, at, containers_in, node, pod, scheduled, warning
from tests.support.scrape import Relay, text, value

EVENT = "gpu_event_timestamp_seconds"
WARNINGS = "gpu_kubernetes_warnings_total"
Tell = Callable[[Relay], Relay]
RUNNING = scheduled(at(2)) | containers_in({"running": {"startedAt": at(10)}})
ENDED = containers_in({"terminated": {"startedAt": at(10), "finishedAt": at(20)}})


def counts(relay: Relay) -> dict[str, float]:
    """Return every counter of happenings and waits that is not zero."""
    told = relay.scrape().of(
        "gpu_events_total", "gpu_pod_queue_wait_seconds_count", "gpu_pod_startup_seconds_count",
        "gpu_node_completed_pods_total",
    )  # fmt: skip
    found = {line.rpartition(" ")[0]: value([line]) for line in told}
    return {series: count for series, count in found.items() if count}


def starting() -> Relay:
    """Return a fleet of half past midnight that knows nothing yet."""
    relay = Relay()
    relay.now = EPOCH + 1800
    return relay


def test_the_first_list_is_no_news() -> None:
    """What it brings is written down with its own times, and counted nowhere."""
    relay = starting()
    relay.replace_nodes([node()])
    relay.replace_pods([pod("a", status=RUNNING), pod("b", phase="Succeeded", status=ENDED)])
    expected = text(f"""
        {EVENT}{{id="NodeAdded/uid-n1",type="NodeAdded",object="n1",message="New node with 8 GPUs added"}} {EPOCH}
        {EVENT}{{id="PodCreated/uid-a",type="PodCreated",object="ml/a",message="Pod created with 1 GPUs"}} {EPOCH}
        {EVENT}{{id="PodCreated/uid-b",type="PodCreated",object="ml/b",message="Pod created with 1 GPUs"}} {EPOCH}
        {EVENT}{{id="PodFinished/uid-b",type="PodFinished",object="ml/b",message="Pod finished"}} {EPOCH + 1200}
        {EVENT}{{id="PodStarted/uid-a",type="PodStarted",object="ml/a",message="Pod started on n1"}} {EPOCH + 600}
        {EVENT}{{id="PodStarted/uid-b",type="PodStarted",object="ml/b",message="Pod started on n1"}} {EPOCH + 600}
    """)  # noqa: E501 - exposition text cannot be broken

    assert expected == relay.scrape().of(EVENT)
    assert {} == counts(relay)


def test_what_claims_and_slices_bring_at_first_is_no_news() -> None:
    """They come by lists of their own, in any order: nobody was created or added meanwhile."""
    spec = {"resourceClaims": [{"name": "c1", "resourceClaimName": "c1"}]}
    bare, claiming = node(gpus=None), pod(gpus=None, spec=spec, status=RUNNING)
    lists: list[Tell] = [
        lambda relay: relay.replace_nodes([bare]),
        lambda relay: relay.replace_pods([claiming]),
        lambda relay: relay.replace_slices([slice_(gpus(4))]),
        lambda relay: relay.replace_claims([claim("c1", ["gpu-0"], pods=["p1"])]),
    ]
    for first in range(4):
        for order in (lists[first:] + lists[:first], (lists[first:] + lists[:first])[::-1]):
            relay = starting()
            for tell in order:
                tell(relay)
            told = [line.split('type="')[1].split('"')[0] for line in relay.scrape().of(EVENT)]

            assert ["NodeAdded", "PodCreated", "PodStarted"] == told
            assert {} == counts(relay)


def test_what_follows_is_news() -> None:
    """A second list, as after a broken watch, counts what it brings."""
    relay = starting()
    relay.replace_nodes([node()]).replace_pods([pod("a", node="", phase="Pending")])
    relay.replace_nodes([node(), node("n2")])
    relay.replace_pods([pod("a", status=RUNNING), pod("b", node="", phase="Pending")])
    expected = {
        'gpu_events_total{type="NodeAdded"}': 1,
        'gpu_events_total{type="PodCreated"}': 1,
        'gpu_events_total{type="PodScheduled"}': 1,
        'gpu_events_total{type="PodStarted"}': 1,
        "gpu_pod_queue_wait_seconds_count": 1,
        "gpu_pod_startup_seconds_count": 1,
    }

    assert expected == counts(relay)
    assert ["gpu_pod_queue_wait_seconds_sum 120"] == relay.scrape().of(
        "gpu_pod_queue_wait_seconds_sum"
    )


def test_warnings_about_gpus_are_written_down() -> None:
    """Those about GPU pods and GPU nodes stand among the happenings; all are counted."""
    relay = starting().put(node(), node("cpu", None), pod(), pod("web", None))
    relay.put(
        warning("FailedMount", pod(), message="no such volume"),
        warning("FailedMount", pod("web", None), count=3),
        warning("NodeNotReady", node()),
        warning("NodeNotReady", node("cpu", None)),
    )
    told = [line for line in relay.scrape().of(EVENT) if "Warning/" in line]
    expected = text(f"""
        {EVENT}{{id="Warning/uid-FailedMount-p1",type="FailedMount",object="ml/p1",message="no such volume"}} {EPOCH + 60}
        {EVENT}{{id="Warning/uid-NodeNotReady-n1",type="NodeNotReady",object="n1",message="it is so"}} {EPOCH + 60}
    """)  # noqa: E501 - exposition text cannot be broken
    counted = text(f"""
        {WARNINGS}{{kind="Node",reason="NodeNotReady"}} 2
        {WARNINGS}{{kind="Pod",reason="FailedMount"}} 4
    """)

    assert expected == told
    assert counted == relay.scrape().of(WARNINGS)


def test_a_warning_before_its_pod() -> None:
    """Events come by a watch of their own: one is written down once its pod is known."""
    relay = starting().put(warning("FailedMount", pod()))

    assert [] == relay.scrape().of(EVENT)
    assert ["FailedMount"] == [
        line.split('type="')[1].split('"')[0]
        for line in relay.put(pod(node="", phase="Pending")).scrape().of(EVENT)
        if "Warning/" in line
    ]
