"""What many pods have alike, kept once: their controller and the labels that are read."""

import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from exporter.cluster.objects import hints
from exporter.cluster.objects.wire import OwnerReference

NO_LABELS: Mapping[str, str] = MappingProxyType({})
"""The labels of a pod that has none that are read."""

# Pods of one owner are neighbours in a list, so few need to be remembered at a time.
_NEIGHBOURS = 4096


def controller(owners: Iterable[OwnerReference] | None) -> OwnerReference | None:
    """Return the controller among *owners*, the same object for all pods that it controls."""
    for owner in owners or ():
        if owner.controller:
            return _reference(owner.api_version, owner.kind, owner.name, owner.uid)
    return None


def labels(of_pod: Mapping[str, str]) -> Mapping[str, str]:
    """Return those labels that name a pod's workload, the same object for all that have them."""
    read = tuple((name, of_pod[name]) for name in of_pod if name in hints.LABELS)
    return _labels(read) if read else NO_LABELS


@lru_cache(maxsize=_NEIGHBOURS)
def _reference(api_version: str, kind: str, name: str, uid: str) -> OwnerReference:
    return OwnerReference(
        kind=sys.intern(kind),
        name=name,
        uid=uid,
        api_version=sys.intern(api_version),
        controller=True,
    )


@lru_cache(maxsize=_NEIGHBOURS)
def _labels(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return {sys.intern(name): text for name, text in pairs}
