"""Lines by object and family: what a board shows, and how little it does again after a change."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from exporter.catalogue import Family
from exporter.cluster.page.board import Board
from exporter.exposition import Block, Page

A = Family("gpu_a", "A.", ("of",))
B = Family("gpu_b", "B.", ("of",))
HEAD_A = b"# HELP gpu_a A.\n# TYPE gpu_a gauge\n"
HEAD_B = b"# HELP gpu_b B.\n# TYPE gpu_b gauge\n"

_LINES = st.dictionaries(st.sampled_from([A, B]), st.text(max_size=3), max_size=2)
_CHANGES = st.lists(st.tuples(st.sampled_from("abcdefg"), _LINES, st.booleans()), max_size=40)


def shown(board: Board) -> bytes:
    """Return what a board shows."""
    return Page(board.blocks()).body


def test_families_stand_together() -> None:
    """The lines of all objects stand family by family, each below its help and type."""
    board = Board(bucket=2)
    for name in "xyz":
        board.put(name, {A: f"a {name}\n", B: f"b {name}\n"})

    assert HEAD_A + b"a x\na y\na z\n" + HEAD_B + b"b x\nb y\nb z\n" == shown(board)


def test_a_family_without_lines_is_not_mentioned() -> None:
    """Neither before its first line nor after its last."""
    board = Board()
    board.put("x", {A: "a x\n", B: ""})

    assert HEAD_A + b"a x\n" == shown(board)

    board.put("x", {B: "b x\n"})

    assert HEAD_B + b"b x\n" == shown(board)

    board.drop("x")

    assert b"" == shown(board)


def test_text_that_has_no_utf8_form() -> None:
    """One line that cannot be written costs its own letters and not the scrape."""
    board = Board()
    board.put("x", {A: "a \ud800\n"})

    assert HEAD_A + b"a ?\n" == shown(board)


@given(_CHANGES, st.integers(1, 4))
def test_whatever_happened_before(
    changes: list[tuple[str, Mapping[Family, str], bool]], bucket: int
) -> None:
    """A board shows the last lines of each object and nothing else, whenever it was looked at."""
    board, last = Board(bucket), dict[str, Mapping[Family, str]]()
    for key, lines, look in changes:
        board.put(key, lines)
        last[key] = lines
        if look:
            shown(board)
    expected = sorted(text.encode() for lines in last.values() for text in lines.values() if text)
    pieces = [block.body for block in board.blocks() if not block.body.startswith(b"# HELP")]

    assert sorted(b"".join(expected)) == sorted(b"".join(pieces))


def test_a_change_touches_little() -> None:
    """Only the family that changed is joined anew, and only beside the object that changed."""
    board = Board(bucket=2)
    for name in "vwxyz":
        board.put(name, {A: f"a {name}\n", B: f"b {name}\n"})
    before = list(board.blocks())
    board.put("w", {A: "a changed\n", B: "b w\n"})

    assert [b"a v\na changed\n"] == [block.body for block in _new(board, before)]


def test_nothing_changed() -> None:
    """Lines that are put again as they were cost nothing."""
    board = Board()
    board.put("x", {A: "a x\n"})
    before = list(board.blocks())
    board.put("x", {A: "a x\n"})
    board.drop("unknown")

    assert [] == _new(board, before)


def test_places_are_used_again() -> None:
    """Objects that come and go leave no more blocks behind than the living ones need."""
    board = Board(bucket=4)
    for number in range(100):
        board.put(str(number), {A: f"a {number}\n"})
        if number >= 8:
            board.drop(str(number - 8))

    assert 1 + 2 + 1 >= len(list(board.blocks()))


def _new(board: Board, before: list[Block]) -> list[Block]:
    return [block for block in board.blocks() if block not in before]
