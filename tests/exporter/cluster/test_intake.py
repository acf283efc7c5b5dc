"""Objects that make no sense cost themselves and nobody else."""

import pytest

from tests.support.fake_source import FakeSource, event, page
from tests.support.followed import FollowedPods
from tests.support.objects import Object, pod

BROKEN = pod("broken", gpus="many")


@pytest.mark.parametrize(
    "events",
    [
        [event("ADDED", BROKEN, "11")],
        [event("ADDED", pod("broken"), "11"), event("MODIFIED", BROKEN, "12")],
        [event("ADDED", BROKEN, "11"), event("MODIFIED", BROKEN, "12")],
    ],
    ids=["added", "modified", "twice"],
)
def test_a_malformed_object(
    followed: FollowedPods, events: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """It is left out, with what was true of it before, counted, and complained of once."""
    source = FakeSource([page("10", pod("a"))], [[*events, event("ADDED", pod("z"), "13")]])
    source.follow(followed.intake)

    assert ["a", "z"] == followed.names
    assert sum(b"many" in line for line in events) == followed.intake.malformed
    assert ["pods: left out object uid-broken: 'many' is not a quantity"] == [
        it.getMessage() for it in caplog.records if it.levelname == "WARNING"
    ]


def test_a_malformed_object_in_a_list(followed: FollowedPods) -> None:
    """The other objects of its page are taken in; one that says not even who it is counts too."""
    body = page("10", pod("a"), BROKEN, {"metadata": 3}, {"metadata": {}}, pod("b"))
    FakeSource([body.replace(b'"uid-b"', b'"uid-b","x":"\xff"')]).follow(followed.intake)

    assert ["a", "b"] == followed.names
    assert 3 == followed.intake.malformed


def test_a_name_that_is_not_text(followed: FollowedPods) -> None:
    """Bytes that are no UTF-8 spoil their own object only."""
    body = page("10", pod("a"), pod("broken")).replace(b'"broken"', b'"br\xffken"')
    FakeSource([body]).follow(followed.intake)

    assert ["a"] == followed.names
    assert 1 == followed.intake.malformed


def test_a_malformed_object_can_be_deleted(followed: FollowedPods) -> None:
    """Only its identity is read, so a removal works whatever else is broken."""
    last_words = BROKEN | {"metadata": {"uid": "uid-a"}, "spec": None}
    nobody: Object = {"metadata": None}
    events = [event("DELETED", last_words), event("DELETED", nobody), event("ADDED", nobody)]
    source = FakeSource([page("10", pod("a"), pod("b"))], [events])
    source.follow(followed.intake)

    assert ["b"] == followed.names
    assert ["list", "watch 10", "watch 10"] == source.asked


def test_complaints_are_bounded(
    followed: FollowedPods, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On a very bad day only so many objects are complained of; all are counted."""
    monkeypatch.setattr("exporter.cluster.intake._MAX_COMPLAINTS", 2)
    FakeSource([page("10", *(pod(f"p{n}", "x") for n in range(5)))]).follow(followed.intake)

    assert 2 == len(caplog.records)
    assert 5 == followed.intake.malformed
