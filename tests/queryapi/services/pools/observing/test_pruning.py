"""What is remembered of pools is bounded."""

from queryapi.services.pools.observing.observer import Pruning
from queryapi.settings import Pools
from queryapi.storage import activity, idempotency
from queryapi.storage.engine import Store
from queryapi.storage.records import Activity, Remembered
from tests.support.observed import Time, entries


def test_what_is_too_old_is_forgotten_a_little_at_a_time(store: Store) -> None:
    """By age and by number; the rest at the next look, and then it is left alone for a while."""
    clock = Time()
    kept = Pools(activity_days=1, activity_count=10)
    old = [Activity("p", "p", "c", "node-added", f"{n}", at, "system")
           for n, at in enumerate([0.0] * 600 + [clock.now] * 30)]  # fmt: skip
    with store.writing() as session:
        activity.add(session, old)
    pruning = Pruning(store, kept, clock, monotonic=clock)
    pruning.prune()
    once = len(entries(store))
    pruning.prune()
    twice = entries(store)
    with store.writing() as session:
        activity.add(session, old[-5:])
    pruning.prune()

    assert (130, [str(n) for n in range(620, 630)]) == (once, [details for _, details in twice])
    assert 15 == len(entries(store))
    clock.now += 301
    pruning.prune()
    assert 10 == len(entries(store))


def test_each_is_remembered_for_as_long_as_is_set(store: Store) -> None:
    """Activities for so many days, answers to be repeated for so many hours, to the second."""
    clock = Time()
    kept = Pools(activity_days=3, idempotency_hours=5)
    with store.writing() as session:
        for name, age in (("old", 1.0), ("new", -1.0)):
            happened, answered = clock.now - 3 * 86400 - age, clock.now - 5 * 3600 - age
            activity.add(session, [Activity("p", "p", "c", "node-added", name, happened, "system")])
            idempotency.insert(session, Remembered(name, "u", "d", "pool-1", 1, b"{}", answered))
    Pruning(store, kept, clock, monotonic=clock).prune()
    with store.reading() as session:
        found = [name for name in ("old", "new") if idempotency.find(session, name, "u")]

    assert ["new"] == [details for _, details in entries(store)] == found
