"""The relation that slices and claims are looked up by."""

from exporter.cluster.devices.index import Index


def test_what_is_added_is_found_until_it_is_taken_away() -> None:
    """One member or several, in any order, each once."""
    index: Index[str, str] = Index()
    index.add(["k", "l"], "b")
    index.add(["k"], "a")
    index.add(["k"], "a")
    index.add(["l"], "b")

    assert ["a", "b"] == index["k"]
    assert ["b"] == index["l"]

    index.discard(["k", "l"], "b")
    assert ["a"] == index["k"]
    assert [] == index["l"]


def test_what_was_not_added_cannot_be_taken_away() -> None:
    """Neither under a key that has something else nor under one that has nothing."""
    index: Index[str, str] = Index()
    index.add(["k"], "a")
    index.discard(["k", "l"], "b")

    assert ["a"] == index["k"]
    assert [] == index["l"]
