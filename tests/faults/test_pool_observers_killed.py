"""Whoever observes pools may die at any moment: what happens to nodes is told exactly once."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from demo.processes import wait_for
from tests.support.killable import KILLS
from tests.support.pools_observed import Observed, observed, west_node
from tests.support.postgresql import PostgresqlServer
from tests.support.stack import READY_SECONDS
from tests.support.stored import prepared

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

_NODES = [f"n{number:02}" for number in range(12)]

Happening = tuple[str, str]


class _Story:
    """What happens to nodes, each once: by chance, and the same in every run."""

    def __init__(self, running: Observed) -> None:
        self._running = running
        self._chance = random.Random(6)  # noqa: S311 - nothing secret
        self._left = list(_NODES[2:])
        self._new = (f"x{number:02}" for number in range(1000))
        self.happened: Counter[Happening] = Counter()

    def go_on(self) -> None:
        """Have one more thing happen, to a node that nothing has happened to yet."""
        what = self._chance.choice(["node-added", "node-added", "Cordoned", "node-removed"])
        if what == "node-added" or not self._left:
            what, name = "node-added", next(self._new)
            self._running.cluster.put(west_node(name))
        else:
            name = self._left.pop(0)
            if what == "Cordoned":
                self._running.cluster.put(west_node(name, cordoned=True))
            else:
                self._running.cluster.delete("Node", "", name)
        self.happened[what, name] += 1

    def pause(self) -> None:
        """Wait for a moment."""
        time.sleep(self._chance.uniform(0, 1.5))


def _told(running: Observed, place: int = 0) -> Counter[Happening]:
    """Return what entries say of single nodes."""
    found: Counter[Happening] = Counter()
    for one in running.activities(place):
        if one["action"] in {"node-added", "node-removed"}:
            found.update((one["action"], node) for node in one["nodes"])
        if one["action"] == "maintenance":
            found.update((one["details"].split()[0], node) for node in one["nodes"])
    return found


def _is_told(running: Observed, story: _Story, place: int = 0) -> None:
    def all_told() -> bool:
        return not story.happened - _told(running, place)

    wait_for(all_told, seconds=READY_SECONDS, what="all that happened", every=0.2)
    running.wait_until_settled(place)
    assert story.happened == _told(running, place)


def _found(running: Observed) -> None:
    running.wait_for(("pool-discovered", f"Found {len(_NODES)} nodes by the label west"))


def test_another_process_goes_on_where_one_ended(
    tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    """Killed, within the time of a lease; stopped, at once: nothing is told twice, or lost."""
    with observed(tmp_path, postgresql.fresh(), services=2, nodes=_NODES) as running:
        _found(running)
        observer = 0 if running.sees(0) else 1
        story = _Story(running)
        for number in range(KILLS + 1):
            story.go_on()
            story.pause()
            other = 1 - observer
            if number < KILLS:
                running.kill(observer)
                _is_taken_over(running, other)
                running.start(observer)
            else:
                running.apis[observer].stop()
                story.go_on()
            observer = other

        _is_told(running, story, observer)


def _is_taken_over(running: Observed, place: int) -> None:
    # A lease is of 10 s; a process may be slow.
    wait_for(lambda: running.sees(place) > 0, seconds=60, what="another observer", every=0.1)


def test_a_process_that_is_killed_and_started_anew_goes_on(tmp_path: Path) -> None:
    """With a file of its own: whatever it was doing when it died."""
    with observed(tmp_path, prepared(tmp_path), nodes=_NODES) as running:
        _found(running)
        story = _Story(running)
        for _ in range(2 * KILLS):
            story.go_on()
            story.pause()
            running.kill(0)
            running.start(0)

        _is_told(running, story)
