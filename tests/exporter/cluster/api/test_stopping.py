"""A reflector ends when told to."""

import threading

from exporter.errors import ApiServerUnavailable
from tests.support.fake_source import FakeSource, bookmark, page
from tests.support.followed import FollowedPods

DOWN = ApiServerUnavailable("the API server cannot be reached: refused")


def test_stop_ends_the_thread(followed: FollowedPods) -> None:
    """`stop` ends a watch after the event it is at, and a pause at once."""
    gate, reached = threading.Event(), threading.Event()

    def held() -> bytes:
        reached.set()
        assert gate.wait(20)
        return bookmark("20")

    source = FakeSource([page("10")], [[held, bookmark("30")]])
    reflector = source.reflector(followed.intake)
    reflector.start()

    assert reached.wait(20)
    reflector.stop()
    gate.set()
    reflector.join(20)

    assert not reflector._thread.is_alive()
    assert 1 == reflector.events["BOOKMARK"]


def test_stop_before_start(followed: FollowedPods) -> None:
    """What never ran can be stopped."""
    reflector = FakeSource([]).reflector(followed.intake)
    reflector.stop()
    reflector.join(0)

    assert not reflector._thread.is_alive()


def test_stop_ends_a_pause(followed: FollowedPods) -> None:
    """A reflector that waits half a minute to try again need not be waited for."""
    source = FakeSource([DOWN, page("10")])
    waiting = threading.Event()

    def random() -> float:
        waiting.set()
        return 0.0

    reflector = source.reflector(followed.intake, random=random, pause=3600)
    reflector.start()

    assert waiting.wait(20)
    reflector.stop()
    reflector.join(20)

    assert ["list"] == source.asked
