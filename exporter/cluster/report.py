"""What the cluster role says of itself: how each resource is followed, and by whom."""

from collections.abc import Iterable, Mapping

from exporter import catalogue
from exporter.cluster.api.reflector import Reflector
from exporter.exposition import Samples

RESULTS = ("success", "error", "expired", "refused")
_RELISTS = ("expired", "unproven", "failure")
_WATCH_EVENTS = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")


def add_objects(own: Samples, counts: Mapping[str, int]) -> None:
    """Add how many objects are held."""
    for resource, count in counts.items():
        own.add(catalogue.OBJECTS, (resource,), count)


def add_lookups(own: Samples, results: Mapping[str, int], words: Iterable[str]) -> None:
    """Add how lookups of single owners ended."""
    for word in words:
        own.add(catalogue.OWNER_LOOKUPS, (word,), results.get(word, 0))


def add_reflector(own: Samples, reflector: Reflector, malformed: int) -> None:
    """Add how one resource is followed."""
    name = reflector.resource
    for result in RESULTS:
        own.add(catalogue.LISTS, (name, result), reflector.lists[result])
        own.add(catalogue.WATCHES, (name, result), reflector.watches[result])
    for kind in _WATCH_EVENTS:
        own.add(catalogue.WATCH_EVENTS, (name, kind.lower()), reflector.events[kind])
    for reason in _RELISTS:
        own.add(catalogue.RELISTS, (name, reason), reflector.relists[reason])
    own.add(catalogue.MALFORMED_OBJECTS, (name,), malformed)
    for family, value in (
        (catalogue.LAST_HEARD, reflector.last_heard),
        (catalogue.LAST_EVENT, reflector.last_event),
        (catalogue.LAST_BOOKMARK, reflector.last_bookmark),
        (catalogue.FIRST_SYNC, reflector.first_sync),
    ):
        if value is not None:
            own.add(family, (name,), value)
