"""The first page: made before the exporter says that it is ready."""

from pathlib import Path

import pytest

from demo.processes import wait_for
from exporter.cluster.page import podsamples
from tests.support.apiserver import running
from tests.support.follower import following, fresh
from tests.support.objects import node, pod
from tests.support.scrape import Relay


def test_a_ready_exporter_has_its_page(tmp_path: Path) -> None:
    """Whoever waits for readiness gets all of the fleet with the first scrape."""
    with (
        running(node("n1"), pod("p1", 2)) as cluster,
        following(cluster.kubeconfig(tmp_path / "config")) as follower,
    ):
        wait_for(lambda: follower.publisher.not_ready() is None, seconds=60, what="readiness")

        assert fresh(cluster.url) == follower.fleet()


def test_a_page_that_is_still_being_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter that follows the cluster and has no page yet says so, and is not ready."""
    with (
        running(node("n1"), pod("p1", 2)) as cluster,
        following(cluster.kubeconfig(tmp_path / "config")) as follower,
    ):
        follower.wait_until("apiserver_up 1")
        wait_for(lambda: follower.publisher.not_ready() is None, seconds=60, what="readiness")
        follower.publisher._has_first_page = False

        assert "the first page is being made" == follower.publisher.not_ready()
        assert 1 == follower.own("apiserver_up")


def test_a_defect_does_not_keep_it_from_being_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be rendered at the start is complained of, and the rest is published."""
    monkeypatch.setattr(podsamples, "of_pod", None)
    with (
        running(node("n1"), pod("p1", 2), pod("p2", 1)) as cluster,
        following(cluster.kubeconfig(tmp_path / "config")) as follower,
    ):
        wait_for(lambda: follower.publisher.not_ready() is None, seconds=60, what="readiness")
        wait_for(lambda: "could not be rendered" in caplog.text, seconds=60, what="a complaint")


def test_what_cannot_be_rendered_is_not_published_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A defect of ours costs an object its lines, and leaves no old ones standing as truth."""
    relay = Relay().put(node("n1"), pod("p1", 2), pod("p2", 1))
    assert 2 == len(relay.scrape().of("gpu_pod_info"))
    with monkeypatch.context() as patched:
        patched.setattr(podsamples, "of_pod", None)
        relay.put(pod("p1", 4))
        with pytest.raises(TypeError):
            relay.scrape()

    assert ["uid-p2"] == [
        line.split('uid="')[1].split('"')[0] for line in relay.scrape().of("gpu_pod_info")
    ]
