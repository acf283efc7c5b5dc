"""How one resource is learned from a stream, on a scripted API server; and when from pages."""

import logging
from collections.abc import Iterable

import msgspec
import pytest

from exporter.cluster.api import messages
from exporter.errors import ApiServerUnavailable, RequestRejected, ResourceRefused
from tests.support.fake_source import (
    FakeSource,
    Said,
    Script,
    bookmark,
    end,
    error,
    event,
    page,
)
from tests.support.followed import FollowedPods
from tests.support.objects import pod

DOWN = ApiServerUnavailable("the API server cannot be reached: refused")
UNKNOWN = RequestRejected("the API server answered 422 sendInitialEvents is forbidden")


def test_a_stream_goes_on_as_the_watch(followed: FollowedPods) -> None:
    """The objects are a list, what follows them a watch; the next continues where it ended."""
    told = [
        event("ADDED", pod("b"), "30"),
        event("ADDED", pod("a"), "4"),
        end("40"),
        event("ADDED", pod("c"), "41"),
    ]
    source = FakeSource(streams=[told])
    reflector = source.follow(followed.intake)

    assert ["stream", "watch 41"] == source.asked
    assert ["a", "b", "c"] == followed.names
    assert ({"success": 1}, {"success": 2}) == (reflector.lists, reflector.watches)
    assert {"ADDED": 1} == reflector.events
    assert reflector.synced


@pytest.mark.parametrize(
    "broken", [[], [DOWN], [b'{"type":"ADDED","ob']], ids=["end", "cut", "half"]
)
def test_only_the_last_bookmark_is_continued_from(
    followed: FollowedPods, broken: list[Said]
) -> None:
    """The versions of the objects are in no order: without a change the bookmark's is the one."""
    source = FakeSource(streams=[[event("ADDED", pod("a"), "99"), end("40"), *broken]])
    source.follow(followed.intake)

    assert ["stream", "watch 40"] == source.asked


class Noting:
    """A sink that notes what it takes of a list, in the test's own order of things."""

    def __init__(self, order: list[str]) -> None:
        self._order = order

    def replace(self, pages: Iterable[Iterable[msgspec.Raw]]) -> None:
        """Take objects one by one."""
        for objects in pages:
            self._order.extend(f"taken {messages.version_of(raw)}" for raw in objects)

    def upsert(self, raw: msgspec.Raw) -> None:
        """Take a change: there is none."""

    remove = upsert


def test_objects_are_taken_one_by_one() -> None:
    """Each object is handed on before the next is read: a stream is never held as a whole."""
    order: list[str] = []

    def read(version: str) -> Said:
        def said() -> bytes:
            order.append(f"read {version}")
            return event("ADDED", pod(), version)

        return said

    FakeSource(streams=[[read("1"), read("2"), end("3")]]).follow(Noting(order))

    assert ["read 1", "taken 1", "read 2", "taken 2"] == order


def test_an_empty_stream(followed: FollowedPods) -> None:
    """A cluster may have nothing: the bookmark alone says so."""
    source = FakeSource(streams=[[end("7")]])

    assert source.follow(followed.intake).synced
    assert ["stream", "watch 7"] == source.asked


def test_changes_told_among_the_objects(followed: FollowedPods) -> None:
    """What changes before the objects are at their end is changed after them, in order."""
    told = [
        event("ADDED", pod("a"), "1"),
        event("ADDED", pod("b"), "2"),
        event("DELETED", pod("a"), "5"),
        event("ADDED", pod("c"), "6"),
        event("MODIFIED", pod("b", gpus=None), "7"),
        end("7"),
    ]
    source = FakeSource(streams=[told])
    source.follow(followed.intake)

    assert ["c"] == followed.names
    assert ["stream", "watch 7"] == source.asked


def test_nothing_is_replaced_before_the_end(followed: FollowedPods) -> None:
    """A stream that breaks leaves everything as it was; the next one removes what is gone."""
    seen: list[list[str]] = []

    def cut() -> bytes:
        seen.append(followed.names)
        raise DOWN

    first = [event("ADDED", pod("a")), end("1"), bookmark("2"), error(410)]
    broken: list[Said] = [event("ADDED", pod("b")), cut]
    source = FakeSource(streams=[first, broken, [event("ADDED", pod("c")), end("9")]])
    reflector = source.follow(followed.intake)

    assert [["a"]] == seen
    assert ["c"] == followed.names
    assert {"success": 2, "error": 1} == reflector.lists
    assert {"expired": 1} == reflector.relists


@pytest.mark.parametrize(
    "refused",
    [
        UNKNOWN,
        [event("ADDED", pod("z")), bookmark("4")],
        [event("ADDED", pod("z")), bookmark("4"), end("5")],
        [event("ADDED", pod("z")), event("BOOKMARK", {"metadata": 7})],
    ],
    ids=["refused", "a bookmark and no end", "an end too late", "an odd bookmark"],
)
def test_a_server_that_does_not_stream(
    followed: FollowedPods, caplog: pytest.LogCaptureFixture, refused: Script
) -> None:
    """It is asked for pages instead, at once, from then on, and that is said once."""
    caplog.set_level(logging.INFO)
    pages = [page("10", pod("a")), page("20", pod("b"))]
    source = FakeSource(pages, [[error(410)]], streams=[refused])
    reflector = source.follow(followed.intake)

    assert ["stream", "list", "watch 10", "list", "watch 20"] == source.asked
    assert ["b"] == followed.names
    assert {"success": 2} == reflector.lists
    assert 1 == sum("listing in pages from now on" in it for it in caplog.messages)


def test_a_server_that_tells_only_changes(followed: FollowedPods) -> None:
    """One that tells objects, then changes, and never an end, is given up after a minute."""

    def later() -> bytes:
        source.clock.now += 50
        return event("MODIFIED", pod("z"), "4")

    source = FakeSource([page("10")], streams=[[event("ADDED", pod("z"), "3"), later, later]])
    source.follow(followed.intake)

    assert ["stream", "list", "watch 10"] == source.asked
    assert [] == followed.names


def test_a_long_stream_is_waited_for(followed: FollowedPods) -> None:
    """While objects come nothing is given up, however long it takes."""

    def later() -> bytes:
        source.clock.now += 50
        return event("ADDED", pod("z"), "4")

    source = FakeSource(streams=[[later, later, later, end("4")]])
    source.follow(followed.intake)

    assert ["stream", "watch 4"] == source.asked


def test_streams_that_break_one_after_the_other(followed: FollowedPods) -> None:
    """After the second that breaks before its end, pages are tried: a proxy may be in the way."""
    source = FakeSource([page("10", pod("a"))], streams=[[], [event("ADDED", pod("z")), DOWN]])
    reflector = source.follow(followed.intake)

    assert ["stream", "stream", "list", "watch 10"] == source.asked
    assert ["a"] == followed.names
    assert {"error": 1, "success": 1} == reflector.lists


def test_breaks_that_are_no_habit(followed: FollowedPods) -> None:
    """A complete stream between two that broke makes them accidents."""
    gone = [end("1"), bookmark("2"), error(410)]
    source = FakeSource(streams=[[DOWN], gone, [DOWN], [end("5")]])
    source.follow(followed.intake)

    assert ["stream", "stream", "stream", "stream", "watch 5"] == source.asked


def test_a_stream_that_cannot_be_opened(followed: FollowedPods) -> None:
    """A server that is away, or refuses, says nothing about streams: it is asked again."""
    refused = ResourceRefused("the API server answered 403")
    source = FakeSource(streams=[DOWN, DOWN, refused, [end("5")]])
    reflector = source.follow(followed.intake)

    assert ["stream", "stream", "stream", "stream", "watch 5"] == source.asked
    assert {"error": 2, "refused": 1, "success": 1} == reflector.lists
    assert {"success": 2} == reflector.watches
