"""Finds single objects by apiVersion, kind and name, as owner references name them.

An object's URL has its kind's plural, which only discovery tells. What it told is kept; a kind
that was not there then is looked for again after ten minutes, not earlier.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from exporter.cluster.api.fetching import Fetcher, Place
from exporter.cluster.objects import wire
from exporter.cluster.objects.wire import ObjectWire, OwnerReference
from exporter.errors import ApiServerUnavailable, NotFound

_REFRESH_SECONDS = 600.0
_MOST_VERSIONS = 256


class _Kind(msgspec.Struct, gc=False):
    """One row of an APIResourceList."""

    name: str
    kind: str
    namespaced: bool = False


class _KindList(msgspec.Struct, gc=False):
    resources: list[_Kind]


@dataclass(frozen=True, slots=True)
class _Told:
    """What discovery said of one group version, and when."""

    at: float
    kinds: dict[str, _Kind]


_kinds = msgspec.json.Decoder(_KindList)


class Directory:
    """Single objects of one API server; used by one thread.

    Args:
        server: The API server.
        monotonic: A clock that never jumps, in seconds.
    """

    def __init__(self, server: Fetcher, monotonic: Callable[[], float]) -> None:
        self._server = server
        self._monotonic = monotonic
        self._told: OrderedDict[tuple[str, str], _Told] = OrderedDict()

    def find(self, namespace: str, reference: OwnerReference) -> ObjectWire:
        """Return the metadata of an owner, whatever its UID is now.

        Args:
            namespace: Where what it owns lives, "" = outside of namespaces, where only a
                cluster-scoped owner can be; one is found from within a namespace as well.
            reference: Who it is.

        Raises:
            NotFound: When there is no such object, or no such kind in this cluster.
            ResourceRefused: When it may not be read.
            ApiServerUnavailable: When the API server does not say.
            MalformedObject: When what it says is no object.
        """
        group, _, version = reference.api_version.rpartition("/")
        parts = [version, reference.name, *filter(None, (group, namespace))]
        if not all(map(_fits_a_path, parts)):
            raise NotFound(f"{reference.kind} {reference.name!r} cannot be in any cluster")
        if not group:
            place = self._of_the_core(namespace, reference)
        else:
            place = self._of_a_group(group, version, namespace, reference)
        return wire.decode(self._server.fetch(place, metadata_only=True), wire.OBJECT)

    def _of_the_core(self, namespace: str, reference: OwnerReference) -> Place:
        # Of the core group only pods own what asks for GPUs, and nothing else of it may be read.
        if reference.kind != "Pod" or not namespace:
            raise NotFound(f"{reference.kind} {reference.name}: not looked for in the core group")
        return Place("", "v1", "pods", namespace, reference.name)

    def _of_a_group(
        self, group: str, version: str, namespace: str, reference: OwnerReference
    ) -> Place:
        found = self._served(group, version, reference.kind)
        if found is None or (found.namespaced and not namespace):
            raise NotFound(f"no {reference.kind} of {reference.api_version} can be there")
        within = namespace if found.namespaced else None
        return Place(group, version, found.name, within, reference.name)

    def _served(self, group: str, version: str, kind: str) -> _Kind | None:
        now = self._monotonic()
        told = self._told.get((group, version))
        if told is None or (kind not in told.kinds and now - told.at >= _REFRESH_SECONDS):
            told = self._told[group, version] = _Told(now, self._discover(group, version))
        self._told.move_to_end((group, version))
        while len(self._told) > _MOST_VERSIONS:
            self._told.popitem(last=False)
        return told.kinds.get(kind)

    def _discover(self, group: str, version: str) -> dict[str, _Kind]:
        try:
            rows = _kinds.decode(self._server.fetch(Place(group, version))).resources
        except NotFound:
            return {}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ApiServerUnavailable(f"{group}/{version}: cannot be read: {error}") from error
        # `jobsets/status` is of kind JobSet, too, and no place to find one.
        return {row.kind: row for row in rows if "/" not in row.name}


def _fits_a_path(segment: str) -> bool:
    """Tell whether a name can be part of a URL, by Kubernetes' rule (path segment names)."""
    return segment not in {"", ".", ".."} and not {"/", "%"} & set(segment)
