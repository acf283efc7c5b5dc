"""Happenings, their counters and the waits → sample lines of the catalogue's families."""

from exporter import catalogue
from exporter.catalogue import Family
from exporter.cluster.events.chronicle import Chronicle
from exporter.cluster.events.journal import Happening, Journal
from exporter.cluster.events.kubeevents import KubeWarnings
from exporter.exposition import line


def of_journal(journal: Journal) -> dict[Family, str]:
    """Return the lines that stay the same until the journal's version moves on."""
    return {catalogue.EVENT: "".join(map(_of_happening, journal.newest_first()))}


def of_counters(
    journal: Journal, chronicle: Chronicle, warnings: KubeWarnings
) -> dict[Family, str]:
    """Return the lines of everything that is counted about happenings and waits.

    Warnings are there by those kinds and reasons that were told of, happenings by every type.
    """
    return {
        catalogue.EVENTS: "".join(
            line(catalogue.EVENTS, (kind,), count) for kind, count in chronicle.counts.items()
        ),
        catalogue.EVENTS_DROPPED: line(catalogue.EVENTS_DROPPED, (), journal.dropped),
        catalogue.WARNINGS: "".join(
            line(catalogue.WARNINGS, key, count) for key, count in warnings.counts.items()
        ),
        catalogue.QUEUE_WAIT: chronicle.waits.queue.lines(catalogue.QUEUE_WAIT),
        catalogue.STARTUP: chronicle.waits.startup.lines(catalogue.STARTUP),
    }


def _of_happening(happening: Happening) -> str:
    labels = (happening.id, happening.type, happening.object, happening.message)
    return line(catalogue.EVENT, labels, happening.when)
