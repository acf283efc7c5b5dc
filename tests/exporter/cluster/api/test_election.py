"""Of several replicas one leads: takeover, release, and what may go wrong on the way."""

from dataclasses import dataclass, field

import pytest

from exporter.cluster.api.election import Election, Timing
from exporter.cluster.api.lease import Lease, LeaseStore, Record
from exporter.errors import ApiServerUnavailable, ConfigurationError, Conflict
from tests.support.fake_source import Clock
from tests.support.objects import EPOCH


@dataclass(slots=True)
class MemoryLease:
    """A `LeaseStore` in memory, with the API server's optimistic locking; may be out of order."""

    lease: Lease | None = None
    version: int = 0
    broken: Exception | None = None
    writes: list[Record] = field(default_factory=list)

    def read(self) -> Lease | None:
        """Return the lease as it is."""
        if self.broken is not None:
            raise self.broken
        return self.lease

    def create(self, record: Record) -> Lease:
        """Make it."""
        if self.lease is not None:
            raise Conflict("there is one")
        return self._write(record)

    def update(self, lease: Lease, record: Record) -> Lease:
        """Change it."""
        if self.lease is None or lease.content != self.lease.content:
            raise Conflict("it has changed")
        return self._write(record)

    def _write(self, record: Record) -> Lease:
        self.version += 1
        self.writes.append(record)
        self.lease = Lease(record, {"version": self.version})
        return self.lease


@dataclass(slots=True)
class Replicas:
    """Replicas that compete for one lease, and the clock they share."""

    store: MemoryLease = field(default_factory=MemoryLease)
    clock: Clock = field(default_factory=lambda: Clock(float(EPOCH)))

    def replica(self, name: str, store: LeaseStore | None = None) -> Election:
        """Return one more replica; it acts when its `step` is called."""
        return Election(
            store or self.store, name, clock=self.clock, monotonic=self.clock, random=lambda: 0.5
        )


def test_the_first_one_leads_and_the_second_one_waits() -> None:
    """The leader tries again every retry period, the others at random up to 1.2 times later."""
    both = Replicas()
    a, b = both.replica("a"), both.replica("b")

    assert (2.0, 3.2) == (a.step(), b.step())
    assert (True, False) == (a.leading(), b.leading())
    assert ("a", "a", None, None) == (a.holder, b.holder, a.trouble, b.trouble)
    assert [Record("a", 15, "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z", 0)] == (
        both.store.writes
    )


def test_a_leader_that_renews_goes_on_leading() -> None:
    """Renewing keeps the time of acquisition and takes the lease from nobody."""
    both = Replicas()
    a, b = both.replica("a"), both.replica("b")
    a.step()
    for _ in range(20):
        both.clock.now += 2.0
        a.step()
        b.step()

        assert (True, False) == (a.leading(), b.leading())
    assert (
        Record("a", 15, "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:40.000000Z", 0)
        == (both.store.writes[-1])
    )


def test_a_silent_leader_stops_by_itself_before_another_takes_over() -> None:
    """Ten seconds after its last success it leads no more; fifteen after that, another does."""
    both = Replicas()
    a, b = both.replica("a"), both.replica("b")
    a.step()
    b.step()
    seen = []
    for _ in range(16):
        b.step()
        seen.append((a.leading(), b.leading()))
        both.clock.now += 1.0

    assert [(True, False)] * 10 + [(False, False)] * 5 + [(False, True)] == seen
    assert ("b", 1) == (both.store.writes[-1].holder, both.store.writes[-1].transitions)


def test_a_leader_is_heard_when_the_lease_changes_not_when_it_says_so() -> None:
    """Wall clocks play no part: a holder whose times lie years back is not taken for dead."""
    both = Replicas()
    old = Record("a", 15, "1999-01-01T00:00:00.000000Z", "1999-01-01T00:00:00.000000Z", 7)
    both.store.create(old)
    b = both.replica("b")
    b.step()
    both.clock.now += 14.9
    b.step()

    assert not b.leading()
    both.clock.now += 0.1
    b.step()
    assert b.leading()
    assert 8 == both.store.writes[-1].transitions


@pytest.mark.parametrize(("duration", "after"), [(60, 60.0), (0, 15.0)])
def test_a_holder_s_own_duration_counts(duration: int, after: float) -> None:
    """A replica configured otherwise is waited for as long as it said; unsaid, as long as ours."""
    both = Replicas()
    both.store.create(Record("a", duration, "", "", 0))
    b = both.replica("b")
    b.step()
    both.clock.now += after - 0.1
    b.step()

    assert not b.leading()
    both.clock.now += 0.1
    b.step()
    assert b.leading()


def test_leading_counts_from_before_the_request() -> None:
    """An answer that comes late is worth only what is left of it."""
    both = Replicas()
    a = both.replica("a", _Slow(both.store, both.clock, 9.0))
    for _ in range(2):
        a.step()

        assert a.leading()
        both.clock.now += 1.0
        assert not a.leading()


@dataclass(slots=True)
class _Slow:
    """A store whose answers to writes take their time."""

    store: MemoryLease
    clock: Clock
    seconds: float

    def read(self) -> Lease | None:
        """Read as the store does."""
        return self.store.read()

    def create(self, record: Record) -> Lease:
        """Write, then dawdle."""
        lease = self.store.create(record)
        self.clock.now += self.seconds
        return lease

    def update(self, lease: Lease, record: Record) -> Lease:
        """Write, then dawdle."""
        lease = self.store.update(lease, record)
        self.clock.now += self.seconds
        return lease


def test_a_vanished_lease_does_not_depose_its_holder() -> None:
    """Who has seen the holder alive waits, although nothing says any more who leads."""
    both = Replicas()
    a, b = both.replica("a"), both.replica("b")
    a.step()
    b.step()
    both.store.lease = None
    b.step()

    assert (True, False) == (a.leading(), b.leading())
    a.step()
    assert (True, "a") == (a.leading(), both.store.writes[-1].holder)
    both.store.lease = None
    both.clock.now += 15.0
    b.step()
    assert (False, True) == (a.leading(), b.leading())


def test_a_leader_that_is_told_otherwise_stops_at_once() -> None:
    """Somebody gave the lease to another by hand."""
    both = Replicas()
    a = both.replica("a")
    a.step()
    assert both.store.lease is not None
    both.store.update(both.store.lease, Record("b", 15, "", "", 1))
    a.step()

    assert (False, "b") == (a.leading(), a.holder)


@pytest.mark.parametrize(
    ("failure", "trouble"),
    [
        (ApiServerUnavailable("no answer"), "no answer"),
        (Conflict("another was first"), None),
        (RuntimeError("a defect"), "unexpected failure, see the log"),
    ],
)
def test_failures_end_neither_the_term_nor_the_election(
    failure: Exception, trouble: str | None
) -> None:
    """The leader leads until its deadline and tries on; what is wrong can be read until it is."""
    both = Replicas()
    a = both.replica("a")
    a.step()
    both.store.broken = failure
    both.clock.now += 9.0

    assert 2.0 == a.step()
    assert (True, trouble) == (a.leading(), a.trouble)
    both.store.broken = None
    a.step()
    both.clock.now += 9.0
    assert (True, None) == (a.leading(), a.trouble)


def test_an_old_write_of_ours_that_arrived_is_ours() -> None:
    """The answer got lost, the lease was written: the next attempt leads."""
    both = Replicas()
    both.store.create(Record("a", 15, "", "", 3))
    a = both.replica("a")
    a.step()

    assert a.leading()
    assert 3 == both.store.writes[-1].transitions


def test_a_stopping_leader_lets_go_at_once() -> None:
    """It leads no more from the moment it is told; another leads with its next attempt."""
    both = Replicas()
    a, b = both.replica("a"), both.replica("b")
    a.step()
    b.step()
    a.stop()

    assert not a.leading()
    a.run()
    b.step()
    assert b.leading()
    assert [("a", 15, 0), ("", 1, 0), ("b", 15, 1)] == [
        (write.holder, write.duration, write.transitions) for write in both.store.writes
    ]


@pytest.mark.parametrize("taken", [Record("b", 15, "", "", 1), None])
def test_who_holds_no_lease_lets_go_of_none(taken: Record | None) -> None:
    """A lease that another took meanwhile, or that vanished, is left alone, and a stranger's."""
    both = Replicas()
    a, b = both.replica("a"), both.replica("b")
    a.step()
    both.store.lease = None if taken is None else Lease(taken, {"version": 99})
    written = len(both.store.writes)
    for one in (a, b):
        one.stop()
        one.run()

    assert written == len(both.store.writes)
    assert taken == (both.store.lease and both.store.lease.record)


@pytest.mark.parametrize(
    "timing",
    [
        {"duration": 10},
        {"renew_deadline": 2.0},
        {"renew_deadline": 15.0},
        {"retry": 0.0},
        {"retry": 9.0},
    ],
)
def test_times_that_let_two_lead_are_refused(timing: dict[str, float]) -> None:
    """A leader must have time to try again, and must have stopped before another begins."""
    with pytest.raises(ConfigurationError, match="leader election"):
        Timing(**timing)  # type: ignore[arg-type]


def test_stopped_before_it_began() -> None:
    """Nothing to let go of, and nothing to wait for."""
    both = Replicas()
    a = both.replica("a")
    a.stop()
    a.join(0)
    a.run()

    assert (False, []) == (a.leading(), both.store.writes)
