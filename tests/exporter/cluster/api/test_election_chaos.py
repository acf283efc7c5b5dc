"""Whatever is lost, late, stalled or restarted: two replicas never lead at the same moment."""

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from exporter.cluster.api.election import Election
from exporter.cluster.api.lease import Lease, Record
from exporter.errors import ApiServerUnavailable, Conflict
from tests.support.whole import some

T = TypeVar("T")

_REPLICAS = 3
_CHAOS_SECONDS = 20_000.0
_CALM_SECONDS = 60.0


@dataclass(slots=True)
class World:
    """Simulated time, the one true lease, and the replicas that compete for it.

    Time passes only in `let_pass`. A replica that waits for an answer lets it pass, and meanwhile
    the others act: so requests overlap in every way, though all runs in one thread.
    """

    dice: random.Random
    now: float = 0.0
    chaos: bool = True
    lease: Lease | None = None
    version: int = 0
    replicas: list["Replica"] = field(default_factory=list)
    under_way: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    leaders: list[str] = field(default_factory=list)
    rivals: list[tuple[float, list[str]]] = field(default_factory=list)

    def let_pass(self, seconds: float) -> None:
        """Let everybody who is not waiting act for so long."""
        until = self.now + seconds
        while True:
            idle = [one for one in self.replicas if not one.busy]
            due = min((one.due for one in idle), default=math.inf)
            arrives = min((when for when, _ in self.under_way), default=math.inf)
            if min(due, arrives) > until:
                break
            self.now = max(self.now, min(due, arrives))
            if arrives <= due:
                self._arrive()
            else:
                min(idle, key=lambda one: one.due).act()
            self.check()
        self.now = max(self.now, until)

    def _arrive(self) -> None:
        request = min(self.under_way, key=lambda it: it[0])
        self.under_way.remove(request)
        with suppress(Conflict):  # nobody is left to be told
            request[1]()

    def check(self) -> None:
        """Note when more than one leads: an election survives what is raised in its requests."""
        leading = [one.name for one in self.replicas if one.election.leading()]
        if len(leading) > 1:
            self.rivals.append((self.now, leading))
        if leading and leading != self.leaders[-1:]:
            self.leaders += leading

    def write(self, seen: Lease | None, record: Record) -> Lease:
        """Change the lease under optimistic locking."""
        if (seen and seen.content) != (self.lease and self.lease.content):
            raise Conflict("it has changed")
        self.version += 1
        self.lease = Lease(record, {"version": self.version})
        return self.lease


class Replica:
    """A replica with clocks of its own, behind a network that cannot be relied on."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.busy = False
        self.due = world.now
        self._world = world
        self._speed = world.dice.uniform(0.9, 1.1)
        offset = world.dice.uniform(-1e6, 1e6)
        self.election = Election(
            self,
            name,
            clock=lambda: 1e9 + offset + world.now,
            monotonic=lambda: world.now * self._speed,
            random=world.dice.random,
        )

    def act(self) -> None:
        """Make an attempt; now and then stop, let go, and come back as another."""
        with self._occupied():
            if self._world.chaos and self._world.dice.random() < 0.03:
                self.election.stop()
                self.election.run()
                self._world.replicas.remove(self)
                name = f"{self.name}'"
                self._world.replicas.append(Replica(self._world, name))
                return
            self.due = self._world.now + self.election.step() / self._speed

    @contextmanager
    def _occupied(self) -> Iterator[None]:
        self.busy = True
        yield
        self.busy = False
        self.due = max(self.due, self._world.now)

    def read(self) -> Lease | None:
        """Read the lease."""
        return self._request(lambda: self._world.lease)

    def create(self, record: Record) -> Lease:
        """Make the lease."""
        return self._request(lambda: self._world.write(None, record))

    def update(self, lease: Lease, record: Record) -> Lease:
        """Change the lease."""
        return self._request(lambda: self._world.write(lease, record))

    def _request(self, action: Callable[[], T]) -> T:
        dice, world = self._world.dice, self._world
        if not world.chaos:
            return action()
        world.let_pass(dice.choice([0.0, 0.01, 0.1, 1.0, 8.0, 20.0]) * dice.random())
        fate = dice.random()
        if fate < 0.1:  # it arrives when nobody waits for the answer any more
            world.under_way.append((world.now + 30.0 * dice.random(), action))
        if fate < 0.2:  # it does not arrive, or not now
            world.let_pass(5.0)
            raise ApiServerUnavailable("no answer")
        answer = action()
        world.let_pass(dice.choice([0.0, 0.01, 0.1, 1.0, 8.0]) * dice.random())
        if fate < 0.3:
            raise ApiServerUnavailable("the answer got lost")
        return answer


@pytest.mark.parametrize("seed", range(some(5, 20)))
def test_never_two_lead(seed: int) -> None:
    """Not with requests lost, late or doubled, clocks 10 % apart, stalls and restarts.

    And it is no standstill: leaders change, and when all is well again one of them leads.
    """
    world = World(random.Random(seed))  # noqa: S311 - guards nothing
    world.replicas = [Replica(world, name) for name in "abcdef"[:_REPLICAS]]
    world.let_pass(_CHAOS_SECONDS)
    changes = len(world.leaders)
    world.chaos = False
    world.let_pass(_CALM_SECONDS)

    assert [] == world.rivals
    assert changes > 10
    assert 1 == sum(one.election.leading() for one in world.replicas)
