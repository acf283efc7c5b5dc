"""Whoever is not known yet costs little, and keeps nobody out."""

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from queryapi.gateway.strangers import Head, Strangers


@dataclass(eq=False, slots=True)
class Connection:
    """A stranger that notes its end."""

    ended: bool = False

    def cut_off(self) -> None:
        """Note it."""
        self.ended = True


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a: b"]), max_size=20),
    st.lists(st.integers(0, 40), max_size=5),
)
def test_a_head_ends_with_an_empty_line_however_it_comes(
    lines: list[bytes], cuts: list[int]
) -> None:
    """Byte by byte or at once: the head is all up to there, and all behind it is early."""
    sent = b"".join(lines)
    found, _, rest = sent.partition(b"\r\n\r\n")
    edges = [0, *sorted(cuts), len(sent)]
    head = Head()
    taken = b"".join(head.part(sent[a:b]) for a, b in pairwise(edges) if sent[a:b])

    whole = b"\r\n\r\n" in sent
    assert (whole, bool(rest)) == (head.whole, head.early)
    assert (found + b"\r\n\r\n" if whole else sent) == taken


def test_a_head_tells_what_was_asked() -> None:
    """Method and path, as far as they are read; what cannot be read is nothing."""
    head = Head()
    assert ("", "") == head.asked
    for part in (b"GE", b"T /api", b"/v1?token=hidden HTTP/1.1\r\n"):
        head.part(part)
    assert ("GET", "/api/v1") == head.asked
    head.forget()
    assert ("", "") == head.asked

    long, junk = Head(), Head()
    long.part(b"HEAD /" + b"a" * 9000)
    junk.part(b"\x16\x03\x01\x02\x00")
    assert ("HEAD", "/" + "a" * 200) == long.asked
    assert ("", "") == junk.asked


def test_only_the_silent_make_room() -> None:
    """Of many the one that has said nothing for longest goes; who waits to be judged stays."""
    strangers = Strangers(silent=2, waiting=1)
    judged, silent, new, newest = (Connection() for _ in range(4))
    strangers.add(judged)
    strangers.heard(judged)
    for each in (silent, new, newest):
        strangers.add(each)

    assert [False, True, False, False] == [each.ended for each in (judged, silent, new, newest)]


def test_only_so_many_wait_to_be_judged() -> None:
    """Who comes when all places are taken is cut off; one who is known has given theirs back."""
    strangers = Strangers(silent=9, waiting=1)
    first, second, third = (Connection() for _ in range(3))
    for each in (first, second, third):
        strangers.add(each)
    strangers.heard(first)
    strangers.heard(first)
    strangers.heard(second)
    strangers.discard(first)
    strangers.heard(third)

    assert [False, True, False] == [each.ended for each in (first, second, third)]
