"""The life of a pool: what state it is in, by what is seen of its nodes.

initializing → active ↔ degraded, and maintenance from and to each of them. A change counts when
every look has shown it for a while; what nobody looked at was not seen.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from queryapi.settings import Settings
from queryapi.storage.records import Condition, Status


@dataclass(frozen=True, slots=True)
class Terms:
    """When what is seen counts, in seconds.

    Args:
        settle: For how long a change must be seen.
        join_within: What a pool that was told to grow has until it counts as degraded.
        activate_after: Age from which on a pool that never had a node is active; None = never.
        gap: The longest time between two looks that still belong together.
    """

    settle: float
    join_within: float
    activate_after: float | None
    gap: float

    @staticmethod
    def of(settings: Settings) -> "Terms":
        """Return what the settings say."""
        pools = settings.pools
        # A look finds what Prometheus has worked out last, which may be as old as that.
        gap = 2 * pools.observe + settings.cache.stale
        return Terms(pools.settle, pools.join_within, pools.activate_after, gap)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of a pool's nodes, and what is wanted of it.

    Args:
        nodes: How many it has.
        ready: Those that are Ready.
        cordoned: Those that are cordoned.
        wanted: How many it should have; of a found pool, how many it has.
        maintenance: Whether somebody says that it is worked on.
        resized_at: When `wanted` was changed last; 0 = nobody is to join.
    """

    nodes: int
    ready: int
    cordoned: int
    wanted: int
    maintenance: bool = False
    resized_at: float = 0.0


def registered(pool_id: str, cluster: str, name: str, at: float) -> Condition:
    """Return how a pool begins that somebody registered."""
    return Condition(pool_id, cluster, Status.INITIALIZING, at, None, None, at, name)


def found(pool_id: str, cluster: str, name: str, seen: Seen, at: float) -> Condition:
    """Return how a pool begins that its nodes' labels tell of: it has been there before."""
    status = of_found(seen)
    return Condition(
        pool_id, cluster, status, at, None, None, at, name, joined=seen.ready, activated=True
    )


def of_found(seen: Seen) -> Status:
    """Return the state of a found pool that nobody has looked at before."""
    if _is_closed(seen):
        return Status.MAINTENANCE
    return Status.ACTIVE if seen.ready >= seen.wanted else Status.DEGRADED


def continues(previous: float | None, at: float, terms: Terms) -> bool:
    """Tell whether a look belongs to the one before: nothing was missed between them."""
    return previous is not None and 0 <= at - previous <= terms.gap


def step(past: Condition, seen: Seen, at: float, terms: Terms, *, unbroken: bool) -> Condition:
    """Return what a look makes of a pool's condition; the same one when nothing is new.

    Args:
        past: Its condition before.
        seen: What the look shows.
        at: The moment that it shows.
        terms: When what is seen counts.
        unbroken: Whether this look continues the one before, see `continues`.
    """
    joined = min(seen.wanted, max(past.joined, seen.ready))
    said = seen.maintenance is not past.flagged
    now = replace(past, joined=joined, flagged=seen.maintenance)
    seems = _seems(now, seen, at, terms)
    if seems is past.status:
        return replace(now, candidate=None, candidate_since=None)
    since = at
    if unbroken and past.candidate is seems and past.candidate_since is not None:
        since = min(at, past.candidate_since)
    # What somebody says needs no second look.
    if said or seen.maintenance or at - since >= terms.settle:
        return _moved(now, seems, at)
    return replace(now, candidate=seems, candidate_since=since)


def shown(
    past: Condition | None,
    seen: Seen,
    at: float,
    terms: Terms,
    *,
    own: bool,
    known: bool = True,
) -> Status:
    """Return the state to be told of a pool now, between two looks or without any.

    Args:
        past: Its condition; None = nobody has looked at it.
        seen: What is seen of it.
        at: The moment that this shows.
        terms: When what is seen counts.
        own: Whether somebody registered it.
        known: Whether the nodes of *seen* are known; if not, only what is wanted counts.
    """
    if seen.maintenance:
        return Status.MAINTENANCE
    if past is None:
        return Status.INITIALIZING if own else of_found(seen)
    # Somebody has just said that the work is done.
    return _seems(past, seen, at, terms) if past.flagged and known else past.status


def reason(status: Status, seen: Seen | None) -> str:
    """Return why a pool is in that state, in a sentence; *seen* None = nobody knows."""
    if seen is None:
        return "Nothing is known of its nodes now"
    return "It is said to be worked on" if seen.maintenance else _of_nodes(status, seen)


def _of_nodes(status: Status, seen: Seen) -> str:
    if _is_closed(seen):
        return f"All {seen.nodes} nodes are cordoned" if seen.nodes > 1 else "Its node is cordoned"
    if not seen.nodes:
        return _of_none(status, seen.wanted)
    ready = _of_more(seen) if seen.nodes > seen.wanted else _of_wanted(seen)
    unsettled = seen.ready >= seen.wanted and status is not Status.ACTIVE
    return f"{ready}, but not for long enough yet" if unsettled else ready


def _of_wanted(seen: Seen) -> str:
    if seen.wanted == 1:
        return "Its node is ready" if seen.ready else "Its node is not ready"
    if seen.ready >= seen.wanted:
        return f"All {seen.wanted} nodes are ready"
    return f"{seen.ready} of {seen.wanted} nodes {_is(seen.ready)} ready"


def _of_more(seen: Seen) -> str:
    # Which of them are those that are wanted is nobody's to tell.
    ready = "All" if seen.ready == seen.nodes else f"{seen.ready} of"
    wanted = f"{seen.wanted} {_is(seen.wanted)} wanted"
    return f"{ready} {seen.nodes} nodes {_is(seen.ready)} ready, {wanted}"


def _of_none(status: Status, wanted: int) -> str:
    if not wanted:
        # Of a found pool as many are wanted as there are.
        return "None of its nodes is there now"
    if status is Status.INITIALIZING:
        what = "Its node has not" if wanted == 1 else f"None of {wanted} nodes has"
        return f"{what} joined yet"
    return "Its node is not there" if wanted == 1 else f"None of {wanted} nodes is there"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _seems(past: Condition, seen: Seen, at: float, terms: Terms) -> Status:
    """Return the state that this look alone shows."""
    if seen.maintenance or _is_closed(seen):
        return Status.MAINTENANCE
    if seen.ready >= seen.wanted:
        return Status.ACTIVE
    never = not seen.nodes and not past.joined
    if not past.activated:
        age, enough = at - past.first_seen, terms.activate_after
        awaited = enough is None or age < enough
        return Status.INITIALIZING if awaited or not never else Status.ACTIVE
    if never:
        return Status.ACTIVE
    growing = at - seen.resized_at < terms.join_within
    due = min(seen.wanted, past.joined) if growing else seen.wanted
    return Status.ACTIVE if seen.ready >= due else Status.DEGRADED


def _is_closed(seen: Seen) -> bool:
    return seen.nodes > 0 and seen.cordoned >= seen.nodes


def _moved(past: Condition, status: Status, at: float) -> Condition:
    activated = past.activated or status in {Status.ACTIVE, Status.DEGRADED}
    return replace(
        past,
        status=status,
        since=at,
        candidate=None,
        candidate_since=None,
        activated=activated,
    )
