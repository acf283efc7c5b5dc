"""The newest happenings, and no more than that."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.cluster.journal import Happening, Journal

LIMIT = 3


def happening(when: float, name: str) -> Happening:
    """Return something that happened to *name*."""
    return Happening(when, name, "PodCreated", name, "")


def kept(*happenings: Happening) -> list[tuple[float, str]]:
    """Return time and id of what a small journal keeps."""
    journal = Journal(LIMIT)
    for it in happenings:
        journal.add(it)
    return [(it.when, it.id) for it in journal.newest_first()]


def test_only_the_newest_are_kept() -> None:
    """However they arrive, the newest by time are kept, newest first."""
    told = [happening(when, f"p{when}") for when in (3, 1, 5, 2, 4)]

    assert [(5, "p5"), (4, "p4"), (3, "p3")] == kept(*told)


def test_a_happening_told_again_takes_its_own_place() -> None:
    """The same id is there once, at the time last told."""
    assert [(9, "a"), (2, "b")] == kept(happening(1, "a"), happening(2, "b"), happening(9, "a"))


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abcde"))))
def test_no_id_twice(told: list[tuple[int, str]]) -> None:
    """Whatever is told, it stays small, in order, and without an id that is there twice."""
    found = kept(*(happening(when, name) for when, name in told))

    assert sorted(found, reverse=True) == found
    assert len({name for _, name in found}) == len(found) <= LIMIT


def test_none_at_all() -> None:
    """A journal of no length keeps nothing."""
    journal = Journal(0)
    journal.add(happening(1, "a"))

    assert [] == journal.newest_first()
