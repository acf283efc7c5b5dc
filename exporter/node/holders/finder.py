"""Everybody who knows who holds a device, asked by one thread; `Finder` is the page's `Holders`."""

import logging
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exporter import catalogue
from exporter.node.holders import hpcjobs
from exporter.node.holders.cgroups import OUTSIDE, Nowhere, Processes
from exporter.node.holders.deviceids import Index
from exporter.node.holders.joining import Joined, join, with_processes
from exporter.node.holders.knowledge import Knowledge, Known, Nothing
from exporter.node.holders.poller import Poller
from exporter.node.holding import DeviceKey, Held, Place
from exporter.node.reading import Sample
from exporter.tables import Table

_log = logging.getLogger(__name__)

RESOURCES = (r"nvidia\.com/.+", r"gpu\.nvidia\.com")
"""Resources and DRA drivers that are about GPUs: regular expressions of their whole names."""

_STOP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sources:
    """Who is asked; None: is not.

    Args:
        node: The node's name.
        poller: The kubelet.
        resources: Which resources and DRA drivers of its are about GPUs, as in `RESOURCES`.
        knowledge: What knows claims and pods.
        processes: The processes of this host.
        jobs: The folder with batch jobs.
        interval: Seconds between two looks at the last two.
    """

    node: str
    poller: Poller | None = None
    resources: tuple[str, ...] = RESOURCES
    knowledge: Knowledge | None = None
    processes: Processes | None = None
    jobs: Path | None = None
    interval: float = 10.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of processes and jobs."""

    pods: Mapping[int, str | Nowhere] = field(default_factory=dict)
    jobs: hpcjobs.Jobs = field(default_factory=dict)


class Finder:
    """Finds out who holds what.

    Args:
        sources: Who is asked.
        monotonic: A clock that never jumps.
    """

    def __init__(
        self, sources: Sources, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._sources = sources
        self._known: Known = sources.knowledge or Nothing()
        self._accepted = re.compile("|".join(f"(?:{each})" for each in sources.resources))
        self._monotonic = monotonic
        self._seen = _Seen()
        self._pids: frozenset[int] = frozenset()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="holders", daemon=True)

    @property
    def asks_for_processes(self) -> bool:
        """Whether it is to be told which processes use the devices."""
        return self._sources.processes is not None

    def start(self) -> None:
        """Begin to look."""
        if self._sources.knowledge is not None:
            self._sources.knowledge.start()
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a call that does not end is left behind."""
        self._stop.set()
        if self._sources.knowledge is not None:
            self._sources.knowledge.stop()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def held(self, places: Sequence[Place]) -> Held:
        """Return what was found last, told in terms of these devices; never waits."""
        seen, uses = self._seen, dict(_uses(places))
        self._pids = frozenset().union(*uses.values())
        poller = self._sources.poller
        listing = poller.listing() if poller else None
        joined = join(listing, Index(places), self._known, self._accepts) if listing else Joined()
        pods = with_processes(joined.pods, _users(uses, seen), self._known)
        return Held(
            # From processes alone nobody can tell that a device is free.
            pods=pods if listing is not None or pods else None,
            allocated=_allocated(places, pods, joined) if listing is not None else {},
            jobs=hpcjobs.by_device(seen.jobs, places),
            own=tuple(self._own(joined, places)),
            tables=(self._table(),),
        )

    def look(self) -> None:
        """Look once at processes and jobs."""
        sources = self._sources
        self._seen = _Seen(
            sources.processes.pods(self._pids) if sources.processes else {},
            hpcjobs.read(sources.jobs) if sources.jobs else {},
        )

    def _run(self) -> None:
        poller, ask_at, look_at = self._sources.poller, 0.0, 0.0
        while not self._stop.is_set():
            now = self._monotonic()
            try:
                if poller is not None and now >= ask_at:
                    ask_at = now + self._sources.interval
                    ask_at = now + poller.poll()
                if now >= look_at:
                    look_at = now + self._sources.interval
                    self.look()
            except Exception:  # noqa: BLE001 - the next look may succeed, and what was seen is old
                _log.exception("looking for who holds the devices failed")
                self._seen = _Seen()
            until = min(look_at, ask_at) if poller is not None else look_at
            self._stop.wait(max(0.0, until - self._monotonic()))
        if poller is not None:
            poller.close()

    def _accepts(self, name: str) -> bool:
        return self._accepted.fullmatch(name) is not None

    def _own(self, joined: Joined, places: Sequence[Place]) -> Iterator[Sample]:
        sources = self._sources
        if sources.poller is not None:
            yield from sources.poller.own()
            for resource, count in sorted(joined.unmatched.items()):
                yield catalogue.UNMATCHED_DEVICES, (resource,), count
            yield catalogue.AMBIGUOUS_DEVICES, (), len(joined.ambiguous)
        if sources.knowledge is not None:
            yield catalogue.NODE_VIEW_UP, (), sources.knowledge.trouble() is None
        if sources.processes is not None:
            yield from self._outside(places)

    def _outside(self, places: Sequence[Place]) -> Iterator[Sample]:
        """Yield how many processes use each GPU from outside of every pod."""
        for place in places:
            if place.pids is not None:
                count = sum(self._seen.pods.get(pid) is OUTSIDE for pid in place.pids)
                labels = (place.uuid, str(place.index), self._sources.node)
                yield catalogue.DEVICE_OUTSIDE, labels, count

    def _table(self) -> Table:
        sources = self._sources
        states = {
            "kubelet": sources.poller and (sources.poller.trouble or "answers"),
            "Kubernetes API": sources.knowledge and (sources.knowledge.trouble() or "answers"),
            "processes": sources.processes and "looked at",
            "batch jobs": sources.jobs and str(sources.jobs),
        }
        rows = tuple((name, str(state or "not asked")) for name, state in states.items())
        return Table("Who holds a device", ("source", "state"), rows)


def _uses(places: Sequence[Place]) -> Iterator[tuple[DeviceKey, frozenset[int]]]:
    """Yield the processes of each device; those of a part are not the whole GPU's as well."""
    for place in places:
        of_parts = frozenset[int]().union(*(part.pids for part in place.parts))
        yield (place.uuid, None), (place.pids or frozenset()) - of_parts
        of_instance: defaultdict[int, frozenset[int]] = defaultdict(frozenset)
        for part in place.parts:
            of_instance[part.gpu_instance] |= part.pids
        for instance, pids in of_instance.items():
            yield (place.uuid, instance), pids


def _users(
    uses: Mapping[DeviceKey, frozenset[int]], seen: _Seen
) -> Mapping[DeviceKey, frozenset[str]]:
    """Return the UIDs of the pods whose processes use each device."""
    return {
        device: frozenset(uid for pid in pids if isinstance(uid := seen.pods.get(pid), str))
        for device, pids in uses.items()
    }


def _allocated(
    places: Sequence[Place], pods: Mapping[DeviceKey, object], joined: Joined
) -> Mapping[str, bool]:
    """Return whether each GPU is held; one that only an ambiguous holder has is left out."""
    held = {uuid for uuid, _ in pods}
    unclear = {uuid for uuid, _ in joined.ambiguous} - held
    return {place.uuid: place.uuid in held for place in places if place.uuid not in unclear}
