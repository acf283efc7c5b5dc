"""How one resource is followed, on a scripted API server: list, watch, begin again."""

import logging

import msgspec
import pytest

from exporter.cluster.api import messages
from exporter.errors import ApiServerUnavailable, ResourceExpired, ResourceRefused
from tests.support.fake_source import FakeSource, Said, bookmark, error, event, page
from tests.support.followed import FollowedPods
from tests.support.objects import pod

DOWN = ApiServerUnavailable("the API server cannot be reached: refused")
GONE = ResourceExpired("too old")


def test_a_list_in_pages_then_a_watch(followed: FollowedPods) -> None:
    """The watch begins at the version of the list, which all its pages share."""
    source = FakeSource([page("10", pod("a"), more="t1"), page("11", pod("b"))])
    reflector = source.follow(followed.intake)

    assert ["list", "list t1", "watch 10"] == source.asked
    assert ["a", "b"] == followed.names
    assert reflector.synced
    assert reflector.trouble is None
    assert {"success": 1} == reflector.lists


def test_an_empty_cluster(followed: FollowedPods) -> None:
    """A list may hold nothing, spelled as null."""
    source = FakeSource([b'{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":null}'])

    assert source.follow(followed.intake).synced
    assert ["list", "watch 7"] == source.asked


def test_events_are_followed(followed: FollowedPods) -> None:
    """What is added, changed and deleted is so here; the next watch begins at the last of them."""
    events = [
        event("ADDED", pod("b"), "11"),
        event("MODIFIED", pod("b", gpus=None), "12"),
        event("ADDED", pod("c"), "13"),
        event("DELETED", pod("a"), "14"),
    ]
    source = FakeSource([page("10", pod("a"))], [events])
    reflector = source.follow(followed.intake)

    assert ["list", "watch 10", "watch 14"] == source.asked
    assert ["c"] == followed.names
    assert {"ADDED": 2, "MODIFIED": 1, "DELETED": 1} == reflector.events
    assert {"success": 2} == reflector.watches


def test_a_pod_that_ended_leaves_with_its_old_phase(followed: FollowedPods) -> None:
    """A pod that the field selector no longer matches is told as DELETED, as it was before."""
    source = FakeSource([page("10", pod("a"))], [[event("DELETED", pod("a"), "11")]])
    source.follow(followed.intake)

    assert [] == followed.names


def test_events_in_an_odd_order(followed: FollowedPods) -> None:
    """A pod that takes the name of another is a pod of its own, even if told before its removal."""
    old, new = pod(uid="old"), pod(uid="new")
    events = [event("ADDED", new, "11"), event("DELETED", old, "12"), event("DELETED", old, "12")]
    source = FakeSource([page("10", old)], [events])
    source.follow(followed.intake)

    assert 1 == followed.fleet.counts()["pods"] == followed.fleet.counts()["gpu_pods"]


def test_bookmarks_move_the_version(followed: FollowedPods) -> None:
    """A quiet resource is continued from its latest bookmark."""
    source = FakeSource([page("10")], [[bookmark("20"), bookmark("30")], [bookmark("40")]])
    reflector = source.follow(followed.intake)

    assert ["list", "watch 10", "watch 30", "watch 40"] == source.asked
    assert {"BOOKMARK": 3} == reflector.events


def test_every_sign_of_life_is_noted(followed: FollowedPods) -> None:
    """A list, an opened watch, an event and a bookmark each say that the server is there."""
    moments: list[float | None] = []

    def later() -> bytes:
        moments.append(reflector.last_heard)
        source.clock.now += 60
        return bookmark("20")

    source = FakeSource([page("10")], [[later, later]])
    reflector = source.reflector(followed.intake)
    reflector.run()

    assert [1000, 1060] == moments


def test_the_version_is_gone_on_a_page(followed: FollowedPods) -> None:
    """A token that expired begins the list anew; nothing of the half-read one is taken in."""
    pages: list[Said] = [page("10", pod("a"), more="t1"), GONE, page("20", pod("b"))]
    source = FakeSource(pages)
    reflector = source.follow(followed.intake)

    assert ["list", "list t1", "list", "watch 20"] == source.asked
    assert ["b"] == followed.names
    assert {"expired": 1, "success": 1} == reflector.lists


@pytest.mark.parametrize("gone", [error(410, "too old"), GONE], ids=["as an event", "as a status"])
def test_the_version_is_gone_on_a_watch(followed: FollowedPods, gone: bytes | Exception) -> None:
    """410 in either form begins with a new list."""
    source = FakeSource([page("10", pod("a")), page("50", pod("b"))], [[bookmark("20"), gone]])
    reflector = source.follow(followed.intake)

    assert ["list", "watch 10", "list", "watch 50"] == source.asked
    assert ["b"] == followed.names
    assert 1 == reflector.watches["expired"]


def test_an_error_is_no_end(followed: FollowedPods, caplog: pytest.LogCaptureFixture) -> None:
    """A watch that fails after it told something is continued where it stopped."""
    caplog.set_level(logging.INFO)
    source = FakeSource([page("10")], [[bookmark("20"), error(500, "etcd is away")]])
    reflector = source.follow(followed.intake)

    assert ["list", "watch 10", "watch 20"] == source.asked
    assert 1 == reflector.watches["error"]
    assert "pods: the watch failed: 500 etcd is away; trying again" in caplog.messages
    assert reflector.trouble is None


@pytest.mark.parametrize(
    "failure",
    [error(500), DOWN, b'{"type":"ADDED","object":{"meta'],
    ids=["error event", "cut", "cut in an event"],
)
def test_a_watch_that_tells_nothing_is_no_proof_of_life(
    followed: FollowedPods, failure: bytes | Exception
) -> None:
    """If a watch breaks before its first event a new list shows what is true: a server that only
    accepts watches cannot keep an old state alive.
    """
    source = FakeSource([page("10", pod("a")), page("20", pod("b"))], [[failure]])
    source.follow(followed.intake)

    assert ["list", "watch 10", "list", "watch 20"] == source.asked
    assert ["b"] == followed.names


def test_a_watch_cut_in_the_middle_of_an_event(followed: FollowedPods) -> None:
    """Half an event is not taken in; the watch continues behind the last whole one."""
    whole = event("ADDED", pod("b"), "12")
    source = FakeSource([page("10")], [[event("ADDED", pod("a"), "11"), whole[:40]], [whole]])
    reflector = source.follow(followed.intake)

    assert ["list", "watch 10", "watch 11", "watch 12"] == source.asked
    assert ["a", "b"] == followed.names
    assert {"error": 1, "success": 2} == reflector.watches


def test_a_watch_that_cannot_be_opened(followed: FollowedPods) -> None:
    """While the server is away the version is kept: it costs no list when it is back."""

    class Refusing(FakeSource):
        def watch(self, version: str, *, seconds: float):  # type: ignore[no-untyped-def]  # noqa: ANN202 - as inherited
            if len(self.asked) < 3:
                self.asked.append("refused")
                raise DOWN
            return super().watch(version, seconds=seconds)

    source = Refusing([page("10")])
    reflector = source.follow(followed.intake)

    assert ["list", "refused", "refused", "watch 10"] == source.asked
    assert 2 == reflector.watches["error"]


def test_the_old_state_stays_until_the_new_list_is_complete(followed: FollowedPods) -> None:
    """What a new list lacks is removed, at once and only when its last page is there."""
    seen: list[list[str]] = []

    def last_page() -> bytes:
        seen.append(followed.names)
        return page("50", pod("c"))

    pages: list[Said] = [
        page("10", pod("a"), pod("b")),
        page("50", pod("b"), more="t1"),
        last_page,
    ]
    source = FakeSource(pages, [[error(410)]])
    source.follow(followed.intake)

    assert [["a", "b"]] == seen
    assert ["b", "c"] == followed.names


def test_a_list_that_fails_leaves_everything_as_it_was(followed: FollowedPods) -> None:
    """A page that does not come, or is no list, costs the new list and not the old state."""
    pages: list[Said] = [
        page("10", pod("a")),
        page("50", more="t1"),
        DOWN,
        b"<html>",
        page("60", pod("b")),
    ]
    seen: list[list[str]] = []

    def expired() -> bytes:
        seen.append(followed.names)
        return error(410)

    source = FakeSource(pages, [[expired]])
    reflector = source.follow(followed.intake)

    assert ["list", "watch 10", "list", "list t1", "list", "list", "watch 60"] == source.asked
    assert {"success": 2, "error": 2} == reflector.lists
    assert ["b"] == followed.names


def test_a_defect_of_ours_does_not_end_the_watching(
    followed: FollowedPods, caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected failure is logged with its traceback and answered with a new list."""

    def defect() -> bytes:
        raise ZeroDivisionError

    source = FakeSource([page("10"), page("20", pod("a"))], [[bookmark("11"), defect]])
    source.follow(followed.intake)

    assert ["list", "watch 10", "list", "watch 20"] == source.asked
    assert ["a"] == followed.names
    assert any(record.exc_info for record in caplog.records)


def test_watches_that_end_at_once_back_off(followed: FollowedPods) -> None:
    """A server that ends watches as they begin is not asked in a tight loop."""
    pauses: list[float] = []

    def random() -> float:
        pauses.append(0)
        return 0.0

    source = FakeSource([page("10"), page("10"), page("10")], [[], []])
    reflector = source.follow(followed.intake, random=random)

    assert ["list", "watch 10", "list", "watch 10", "list", "watch 10"] == source.asked
    assert len(source.seconds) + 2 == len(pauses)  # one for each watch's length, one a pause
    assert 3 == reflector.watches["success"]


def test_watches_are_spread(followed: FollowedPods) -> None:
    """Watches last between five and ten minutes, so that not all end at once."""
    for draw, seconds in ((0.0, 300), (0.5, 450)):
        source = FakeSource([page("10")])
        source.follow(followed.intake, random=lambda draw=draw: draw)  # type: ignore[misc]

        assert [seconds] == source.seconds


def test_before_the_first_list(followed: FollowedPods) -> None:
    """Until a list is complete the resource is not synchronised, and says why."""
    reflector = FakeSource([page("10")]).reflector(followed.intake)

    assert not reflector.synced
    assert "the first list is not complete yet" == reflector.trouble
    assert reflector.last_heard is None


def test_a_trouble_is_logged_once(followed: FollowedPods, caplog: pytest.LogCaptureFixture) -> None:
    """The same failure again and again is one line, and its end another."""
    caplog.set_level(logging.INFO)
    FakeSource([DOWN, DOWN, DOWN, page("10")]).follow(followed.intake)

    assert [
        "pods: the API server cannot be reached: refused; trying again",
        "pods: in step with the API server",
    ] == caplog.messages


def test_an_unreadable_status_is_an_empty_one() -> None:
    """An ERROR event reports a failure even if its object cannot be read."""
    assert messages.Status() == messages.decode_status(msgspec.Raw(b'{"code":"x"}'))


def test_an_answer_that_is_no_list_is_no_empty_cluster() -> None:
    """Whatever else answers at the address, its lack of items removes nothing."""
    foreign = b'{"kind":"Foo","metadata":{"resourceVersion":"7"},"items":[]}'

    with pytest.raises(ApiServerUnavailable, match="answered a 'Foo' instead of a list"):
        messages.decode_page(foreign)


def test_a_server_that_goes_back_in_time(followed: FollowedPods) -> None:
    """A version before one already told means another history: the resource is listed anew."""
    told = [event("ADDED", pod("b"), "12"), bookmark("9"), bookmark("13")]
    source = FakeSource([page("10"), page("9", pod("a"))], [told])
    reflector = source.follow(followed.intake)

    assert ["list", "watch 10", "list", "watch 9"] == source.asked
    assert ["a"] == followed.names
    assert {"expired": 1} == reflector.relists


def test_versions_that_are_no_numbers(followed: FollowedPods) -> None:
    """Nobody promised numbers: others are taken as they come."""
    source = FakeSource([page("z")], [[bookmark("y"), bookmark("x"), bookmark("7"), bookmark("9")]])
    source.follow(followed.intake)

    assert ["list", "watch z", "watch 9"] == source.asked


def test_lists_that_always_expire_are_a_trouble(
    followed: FollowedPods, caplog: pytest.LogCaptureFixture
) -> None:
    """A list that is gone before it is complete is said, once; a complete one ends the trouble."""
    seen: list[str | None] = []

    def asked() -> bytes:
        seen.append(reflector.trouble)
        raise GONE

    source = FakeSource(
        [page("10"), asked, asked, page("20")], [[bookmark("11"), error(410, "too old")]]
    )
    reflector = source.reflector(followed.intake)
    reflector.run()

    assert [None, "the list expired before it was complete: too old"] == seen
    assert reflector.trouble is None
    assert 1 == sum("expired before it was complete" in it for it in caplog.messages)
    assert {"expired": 3} == reflector.relists


def test_why_lists_were_needed(followed: FollowedPods) -> None:
    """The first list is none of these; each later one has its reason."""

    def defect() -> bytes:
        raise ZeroDivisionError

    source = FakeSource(
        [page("10"), page("20"), DOWN, page("30"), page("40")],
        [[DOWN], [bookmark("21"), error(410)], [bookmark("31"), defect], [bookmark("41"), DOWN]],
    )
    reflector = source.follow(followed.intake)

    assert {"unproven": 1, "expired": 1, "failure": 1} == reflector.relists


def test_when_what_came_last(followed: FollowedPods) -> None:
    """Changes, bookmarks and the first complete list each have their time."""

    def later(line: bytes) -> Said:
        def said() -> bytes:
            source.clock.now += 60
            return line

        return said

    told = [later(bookmark("11")), later(event("ADDED", pod("a"), "12")), later(error(500))]
    source = FakeSource([later(page("10")), page("20")], [told])
    reflector = source.reflector(followed.intake)

    assert (None, None, None) == (
        reflector.first_sync,
        reflector.last_event,
        reflector.last_bookmark,
    )

    reflector.run()

    assert (60, 1180, 1120) == (
        reflector.first_sync,
        reflector.last_event,
        reflector.last_bookmark,
    )


def test_what_a_person_must_cure_is_asked_seldom(
    followed: FollowedPods, caplog: pytest.LogCaptureFixture
) -> None:
    """A resource that is refused is tried again after minutes, spread, and told of once."""
    refused = ResourceRefused("the API server does not serve pods")
    source = FakeSource([refused, refused, page("10")])
    reflector = source.reflector(followed.intake, random=lambda: 0.5, refused_pause=300)
    reflector.run()

    assert [450, 450] == source.waits
    assert {"refused": 2, "success": 1} == reflector.lists
    assert ["pods: the API server does not serve pods; trying again"] == caplog.messages


def test_what_must_be_is_asked_often(followed: FollowedPods) -> None:
    """A required resource that is refused is tried again as after any other failure."""
    refused = ResourceRefused("the API server answered 403")
    source = FakeSource([page("10"), refused, refused, page("20")], [refused, [error(410)]])
    reflector = source.reflector(followed.intake)
    reflector.run()

    assert pytest.approx([0.8, 1.6, 3.2, 6.4]) == source.waits
    assert {"refused": 1, "expired": 1, "success": 1} == reflector.watches


def test_a_server_that_asks_for_patience(followed: FollowedPods) -> None:
    """It is left alone for as long as it asked, and never for less than after another failure."""
    busy = [ApiServerUnavailable("busy", retry_after=seconds) for seconds in (20, 0, 20)]
    source = FakeSource([*busy, page("10")])
    source.follow(followed.intake)

    assert pytest.approx([20, 1.6, 20]) == source.waits
