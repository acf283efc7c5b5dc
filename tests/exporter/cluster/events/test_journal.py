"""The newest happenings, and no more than that."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.cluster.events.journal import MOST, Happening, Journal, tidy

LIMIT = 3

told_of = st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abcdef")))
"""Times and ids, some told several times."""


def happening(when: float, name: str, message: str = "") -> Happening:
    """Return something that happened to *name*."""
    return Happening(when, name, "PodCreated", name, message)


def journal_of(*happenings: Happening) -> Journal:
    """Return a small journal that was told of these."""
    journal = Journal(LIMIT)
    for it in happenings:
        journal.add(it)
    return journal


def kept(*happenings: Happening) -> list[tuple[float, str]]:
    """Return time and id of what a small journal keeps."""
    return [(it.when, it.id) for it in journal_of(*happenings).newest_first()]


def test_only_the_newest_are_kept() -> None:
    """However they arrive, the newest by time are kept, newest first."""
    told = [happening(when, f"p{when}") for when in (3, 1, 5, 2, 4)]

    assert [(5, "p5"), (4, "p4"), (3, "p3")] == kept(*told)


def test_a_happening_told_again_takes_its_own_place() -> None:
    """The same id is there once, at the latest time told, whichever is told first."""
    assert [(9, "a"), (2, "b")] == kept(happening(1, "a"), happening(2, "b"), happening(9, "a"))
    assert [(9, "a"), (2, "b")] == kept(happening(9, "a"), happening(2, "b"), happening(1, "a"))


def test_other_words_for_the_same() -> None:
    """At the same time, what is told last is kept."""
    journal = journal_of(happening(1, "a", "before"), happening(1, "a", "after"))

    assert ["after"] == [it.message for it in journal.newest_first()]


@given(told_of)
def test_the_newest_of_all_that_was_told(told: list[tuple[int, str]]) -> None:
    """What is kept are the newest of everything ever told, in whatever order that was."""
    latest: dict[str, int] = {}
    for when, name in told:
        latest[name] = max(when, latest.get(name, 0))
    newest = sorted(((when, name) for name, when in latest.items()), reverse=True)

    assert newest[:LIMIT] == kept(*(happening(when, name) for when, name in told))


@given(told_of)
def test_what_is_not_kept_is_counted(told: list[tuple[int, str]]) -> None:
    """Told once each, happenings are either kept or counted as dropped."""
    journal = journal_of(*(happening(when, f"{i}{name}") for i, (when, name) in enumerate(told)))

    assert len(told) == len(journal.newest_first()) + journal.dropped


def test_a_happening_told_again_is_not_dropped() -> None:
    """Giving way to its own later time is no loss."""
    assert 0 == journal_of(*(happening(when, "a") for when in range(10))).dropped


@given(told_of)
@example([(1, "a"), (1, "a")])
@example([(5, "a"), (6, "b"), (7, "c"), (1, "d")])
def test_the_version_moves_with_what_is_kept(told: list[tuple[int, str]]) -> None:
    """Whoever renders the journal needs to do so when its version moved, and only then."""
    journal = Journal(LIMIT)
    for when, name in told:
        before, version = journal.newest_first(), journal.version
        journal.add(happening(when, name))
        assert (before != journal.newest_first()) == (version != journal.version)


def test_none_at_all() -> None:
    """A journal of no length keeps nothing, and says so."""
    journal = Journal(0)
    journal.add(happening(1, "a"))

    assert [] == journal.newest_first()
    assert 1 == journal.dropped


def test_a_burst() -> None:
    """Ten thousand happenings at once leave the newest, the others are counted."""
    journal = Journal(MOST)
    for when in range(10_000):
        journal.add(happening(when, f"p{when}"))

    assert [9999.0, 9500.0] == [journal.newest_first()[i].when for i in (0, -1)]
    assert 9_500 == journal.dropped


@pytest.mark.parametrize("limit", [-1, MOST + 1])
def test_a_length_that_cannot_be(limit: int) -> None:
    """Each happening is a series, so their number has a bound."""
    with pytest.raises(ValueError, match=f"keeps 0 to 500 happenings, not {limit}"):
        Journal(limit)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Back-off restarting", "Back-off restarting"),
        (" two\r\n\tlines \x00\x1b[31m ", "two lines [31m"),
        ('a "quoted" C:\\path', 'a "quoted" C:\\path'),
        ("right\u202eleft\u2066\ufeff\u200b!", "right left !"),
        ("half \ud800 a pair", "half a pair"),
        ("漢字 é 🙂", "漢字 é 🙂"),
        ("x" * 200, "x" * 200),
        ("x" * 10_000, "x" * 199 + "…"),
        ("x" * 198 + " yz", "x" * 198 + "…"),
        ("\n", ""),
    ],
)
def test_foreign_text(text: str, expected: str) -> None:
    """What others write is put on one short line."""
    assert expected == tidy(text)


@given(st.text(st.characters(codec=None)) | st.text("\n\t\ud800 x", min_size=200))
def test_any_foreign_text(text: str) -> None:
    """Whatever it is, it fits, can be written as UTF-8 and is left alone the second time."""
    found = tidy(text)

    assert len(found) <= 200
    assert found == tidy(found.encode().decode())
    assert [found] == (found.splitlines() or [""])
