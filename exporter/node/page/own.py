"""What the node role says of itself."""

from collections.abc import Iterator

from exporter import catalogue
from exporter.node.reading import Sample
from exporter.node.snapshot import Counts, Snapshot
from exporter.version import __version__


def samples(snapshot: Snapshot) -> Iterator[Sample]:
    """Yield everything but what the devices say."""
    node = (snapshot.node,)
    yield catalogue.BUILD_INFO, (__version__, catalogue.Role.NODE), 1
    yield catalogue.DRIVER_UP, node, snapshot.versions is not None
    yield catalogue.DRIVER_RELEASED, node, snapshot.released
    for outcome in snapshot.outcomes:
        collector = (outcome.collector,)
        yield catalogue.COLLECTOR_SUCCESS, collector, outcome.error is None
        yield catalogue.COLLECTOR_DURATION, collector, outcome.seconds
        yield catalogue.UNSUPPORTED, collector, len(outcome.unsupported)
    if snapshot.last_collection is not None:
        yield catalogue.LAST_COLLECTION, node, snapshot.last_collection
    yield from _counts(snapshot.counts, node)


def _counts(counts: Counts, node: tuple[str]) -> Iterator[Sample]:
    yield catalogue.COLLECTIONS, node, counts.collections
    yield catalogue.OVERRUNS, node, counts.overruns
    yield catalogue.SKIPPED, node, counts.skipped
    yield catalogue.STUCK, node, counts.stuck
    yield catalogue.ABANDONED, node, counts.abandoned
    for function, tally in counts.calls.items():
        yield catalogue.DRIVER_CALLS, (function,), tally.calls
        yield catalogue.DRIVER_SECONDS, (function,), tally.seconds
        for error, number in tally.errors.items():
            yield catalogue.DRIVER_ERRORS, (function, error), number
    for field, seconds in counts.latencies.items():
        yield catalogue.FIELD_LATENCY, (field.name.lower(),), seconds
