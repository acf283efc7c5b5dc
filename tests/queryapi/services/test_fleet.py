"""Whoever asks sees the clusters that are shown to them, and nothing of the others."""

import pytest

from queryapi.access.principal import Scope
from queryapi.errors import ClusterNotFound
from queryapi.services.fleet import Fleet, Namespaces, Views
from queryapi.services.snapshot import Snapshots


class Made(Snapshots):
    """Snapshots that only tell what they were made for."""

    def __init__(self, namespaces: Namespaces) -> None:
        self.namespaces = namespaces
        self.closed = False

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def limited(*namespaces: str) -> Scope:
    """Return the scope of a caller who sees some namespaces of every cluster."""
    return Scope(namespaces=frozenset(namespaces))


@pytest.mark.parametrize("name", ["unknown", "hidden", "SHOWN", "", "\0", "\ud800"])
def test_a_hidden_cluster_is_an_unknown_one(name: str) -> None:
    """What is not shown cannot be told from what does not exist, to the word."""
    fleet = Fleet({"shown": Views(Made), "hidden": Views(Made)})
    scope = Scope(clusters=frozenset({"shown"}))
    for ask in (fleet.snapshots, fleet.known):
        assert ask("shown", scope) is not None
        with pytest.raises(ClusterNotFound, match=r"^Cluster not found$"):
            ask(name, scope)


def test_callers_of_the_same_namespaces_share_what_is_read() -> None:
    """There is one set of windows for each set of namespaces, made when it is first asked for."""
    fleet = Fleet({"c": Views(Made)})

    assert None is fleet.known("c", limited("a", "b"))

    first = fleet.snapshots("c", limited("a", "b"))

    assert isinstance(first, Made)
    assert frozenset({"a", "b"}) == first.namespaces
    assert first is fleet.snapshots("c", limited("b", "a"))
    assert first is fleet.known("c", limited("b", "a"))
    assert first is not fleet.snapshots("c", limited("a"))
    assert fleet.snapshots("c", Scope()) is fleet.known("c", Scope())


@pytest.mark.parametrize("namespaces", [[], [""]])
def test_who_may_see_no_namespace_sees_none(namespaces: list[str]) -> None:
    """No name at all never becomes the selector of everything without a namespace."""
    found = Fleet({"c": Views(Made)}).snapshots("c", limited(*namespaces))

    assert isinstance(found, Made)
    assert frozenset({"/"}) == found.namespaces


def test_sets_of_namespaces_are_bounded() -> None:
    """What nobody asked for longest ends; who asks for it again begins anew."""
    views = Views(Made, kept=2)
    a, b = views.of(frozenset("a")), views.of(frozenset("b"))
    views.of(frozenset("a"))
    views.of(frozenset("c"))

    assert isinstance(a, Made)
    assert isinstance(b, Made)
    assert (False, True) == (a.closed, b.closed)
    assert a is views.of(frozenset("a"))
    assert b is not views.of(frozenset("b"))
