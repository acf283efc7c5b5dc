"""What is renewed behind the readers' backs is renewed once at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

from demo.processes import wait_for
from queryapi.cache.renewals import Renewals


def test_each_thing_is_renewed_once_at_a_time_and_again_when_that_is_over() -> None:
    """However often it is begun meanwhile; other things do not wait for it."""
    gate, done = threading.Event(), list[str]()

    def slow() -> None:
        assert gate.wait(timeout=60)
        done.append("slow")

    with ThreadPoolExecutor(4) as executor:
        renewals = Renewals(executor)
        for _ in range(10):
            renewals.begin("slow", slow)
        renewals.begin("quick", lambda: done.append("quick"))
        wait_for(lambda: done == ["quick"], seconds=60, what="another thing")
        gate.set()
        wait_for(lambda: len(done) == 2, seconds=60, what="the end of it")

        def again() -> bool:
            renewals.begin("slow", slow)
            return len(done) > 2

        wait_for(again, seconds=60, what="another renewal")

    assert {"quick", "slow"} == set(done)


def test_a_failure_is_nobodys_and_is_not_for_ever() -> None:
    """Whoever begins hears nothing of it, and may begin again."""
    failed = []

    def fail() -> None:
        failed.append(1)
        raise OSError

    with ThreadPoolExecutor(1) as executor:
        renewals = Renewals(executor)

        def twice() -> bool:
            renewals.begin("it", fail)
            return len(failed) > 1

        wait_for(twice, seconds=60, what="another attempt")
