"""Every configured cluster, as far as a caller may see it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from queryapi.access.principal import EVERYTHING, Scope
from queryapi.cache.bulkhead import Bulkhead
from queryapi.errors import ClusterNotFound
from queryapi.services.freshness import Freshness
from queryapi.services.part import Part
from queryapi.services.snapshot import Snapshot, Snapshots

Namespaces = frozenset[str] | None

_LIMITED_KEPT = 64
# No namespace is called this: what is shown to somebody who may see none.
_NONE = frozenset({"/"})


class Views:
    """The snapshots of one cluster: of all of it, and of the namespaces that callers are held to.

    Args:
        make: Returns the snapshots that show the work of some namespaces; None = of all.
        kept: How many sets of namespaces are remembered; the least recently used goes first.
    """

    def __init__(self, make: Callable[[Namespaces], Snapshots], kept: int = _LIMITED_KEPT) -> None:
        self._make = make
        self._kept = kept
        self._whole = make(None)
        self._lock = threading.Lock()
        self._limited: OrderedDict[frozenset[str], Snapshots] = OrderedDict()

    def of(self, namespaces: Namespaces) -> Snapshots:
        """Return the snapshots that show the work of *namespaces*, made on demand."""
        if namespaces is None:
            return self._whole
        ended = None
        with self._lock:
            found = self._limited.get(namespaces)
            if found is None:
                # An empty name would select what has no namespace at all.
                found = self._make(frozenset(filter(None, namespaces)) or _NONE)
                self._limited[namespaces] = found
                if len(self._limited) > self._kept:
                    _, ended = self._limited.popitem(last=False)
            self._limited.move_to_end(namespaces)
        if ended is not None:
            ended.close()
        return found

    def known(self, namespaces: Namespaces) -> Snapshots | None:
        """Return what `of` would, if it was asked for before."""
        if namespaces is None:
            return self._whole
        with self._lock:
            return self._limited.get(namespaces)


class Fleet:
    """The clusters of the settings.

    Args:
        clusters: Each cluster's views, by name.
    """

    def __init__(self, clusters: Mapping[str, Views]) -> None:
        self._clusters = clusters

    def snapshots(self, cluster: str, scope: Scope) -> Snapshots:
        """Return a cluster's snapshots as *scope* shows them.

        Raises:
            ClusterNotFound: When there is none of that name, or *scope* does not show it.
        """
        return self._views(cluster, scope).of(scope.namespaces)

    def known(self, cluster: str, scope: Scope) -> Snapshots | None:
        """Return what `snapshots` would, None when nobody has asked for it yet."""
        return self._views(cluster, scope).known(scope.namespaces)

    def aside(self, cluster: str, scope: Scope, *parts: Part[Any]) -> Snapshot:
        """Return parts of a cluster, read in a thread that answers no client.

        Raises:
            ClusterNotFound: When there is none of that name, or *scope* does not show it.
            UpstreamError: When they cannot be had.
        """
        # Not where clients wait: the seats there stand for the threads that answer them.
        return self.snapshots(cluster, scope).read(*parts, bulkhead=Bulkhead(seats=1))

    def freshness(self, cluster: str, part: Part[Any]) -> Freshness:
        """Return how old one part of a cluster is, read anew if need be; raises UpstreamError."""
        return self.aside(cluster, EVERYTHING, part).freshness

    def holds(self, cluster: str, part: Part[Any]) -> bool:
        """Tell whether one part of a cluster is there, however old it may be served."""
        return self.snapshots(cluster, EVERYTHING).kept(part) is not None

    def _views(self, cluster: str, scope: Scope) -> Views:
        found = self._clusters.get(cluster) if scope.shows(cluster) else None
        if found is None:
            raise ClusterNotFound("Cluster not found")
        return found
