"""A connection knows when a thread need not wait for its client."""

import contextlib
import select
import socket
from collections.abc import Iterator

import pytest

from demo.processes import LOOPBACK
from queryapi.server.connection import Connection

Pair = tuple[Connection, socket.socket]
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
# More than the kernel keeps for a client that does not read.
LONG = bytes(32 * 1024 * 1024)


@pytest.fixture(name="pair")
def _pair() -> Iterator[Pair]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        client = socket.create_connection(listener.getsockname(), timeout=20)
        with client, Connection(listener.accept()[0]) as ours:
            yield ours, client


def _readable(ours: Connection, seconds: float = 20) -> bool:
    return bool(select.select([ours], [], [], seconds)[0])


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n"])
def test_a_head_is_whole_with_its_last_line(pair: Pair, end: bytes) -> None:
    """Until then each byte wakes whoever waits, once; what came can then be read at once."""
    ours, client = pair
    told = []
    for piece in (b"GET / HTTP/1.1", end[:-1], end[-1:]):
        client.sendall(piece)
        assert _readable(ours)
        told.append(ours.has_said(b""))
        idle = not _readable(ours, 0)
        assert idle != told[-1]

    assert [False, False, True] == told
    assert b"GET / HTTP/1.1" + end == ours.recv(100)
    client.sendall(b"x")
    assert b"x" == ours.recv(100)


@pytest.mark.parametrize("length", [9, 32 * 1024])
def test_a_short_body_is_whole_with_its_last_byte(pair: Pair, length: int) -> None:
    """Until then only the last byte wakes whoever waits."""
    ours, client = pair
    head = b"PUT / HTTP/1.1\r\nHost: x\r\ncontent-length:%d\r\n\r\n" % length
    client.sendall(head)
    assert _readable(ours)
    assert not ours.has_said(b"")
    client.sendall(b"x" * (length - 1))
    assert not _readable(ours, 0.2)
    client.sendall(b"x")
    assert _readable(ours)

    assert ours.has_said(b"")
    assert ours.has_body


@pytest.mark.parametrize(
    "head",
    [
        b"PUT / HTTP/1.1\r\nContent-Length: 32769\r\n\r\n",
        b"PUT / HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
    ],
)
def test_other_bodies_are_not_waited_for_here(pair: Pair, head: bytes) -> None:
    """Long ones, those of unknown length, those that want to be asked for, and those unread."""
    ours, client = pair
    client.sendall(head)
    assert _readable(ours)

    assert ours.has_said(b"")
    assert not ours.has_body


def test_what_was_received_before_counts(pair: Pair) -> None:
    """A second request may be here already, wholly or in part."""
    ours, client = pair

    assert ours.has_said(HEAD)
    assert not ours.has_said(HEAD[:-1])

    client.sendall(HEAD[-1:])

    assert _readable(ours)
    assert ours.has_said(HEAD[:-1])


@pytest.mark.parametrize("said", [b"", b"GET"])
def test_who_hangs_up_says_no_more(pair: Pair, said: bytes) -> None:
    """Nobody waits for the rest."""
    ours, client = pair
    client.sendall(said)
    if said:
        assert _readable(ours)
        assert not ours.has_said(b"")
    client.shutdown(socket.SHUT_WR)

    assert _readable(ours)
    assert ours.has_said(b"")
    assert said == ours.recv(100)


def test_who_breaks_off_says_no_more(pair: Pair) -> None:
    """An error is for whoever reads."""
    ours, client = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()

    assert _readable(ours)
    assert ours.has_said(b"")
    assert 0 == ours.discard()


def test_a_very_long_head_is_not_waited_for_here(pair: Pair) -> None:
    """What is looked at is bounded."""
    ours, client = pair
    client.sendall(b"x" * 64 * 1024)
    while not ours.has_said(b""):
        assert _readable(ours)

    assert _readable(ours, 0)


def test_an_answer_is_kept_until_it_is_taken(pair: Pair) -> None:
    """Sending never waits for a client; every byte comes in its order."""
    ours, client = pair
    owed = []
    for piece in (b"head ", LONG):
        ours.sendall(piece)
        owed.append(ours.owes)

    assert [False, True] == owed

    taken = bytearray()
    while not ours.push():
        taken += client.recv(1024 * 1024)
    ours.shutdown(socket.SHUT_WR)
    while piece := client.recv(1024 * 1024):
        taken += piece

    assert not ours.owes
    assert b"head " + LONG == taken


def test_what_is_kept_goes_before_what_follows(pair: Pair) -> None:
    """A second piece waits for the first; a client that is late ends that."""
    ours, _ = pair
    ours.sendall(LONG)
    ours.settimeout(0.01)
    with pytest.raises(TimeoutError):
        ours.sendall(b"x")


def test_nothing_is_kept_for_who_is_gone(pair: Pair) -> None:
    """The rest of the answer is let go with the connection."""
    ours, client = pair
    ours.sendall(LONG)
    client.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while not ours.push():
            select.select([], [ours], [], 20)

    assert not ours.owes


def test_what_nobody_reads_is_thrown_away(pair: Pair) -> None:
    """And it is told when there is nothing, or will be nothing more."""
    ours, client = pair
    assert 1 == ours.discard()
    client.sendall(b"abc")
    assert _readable(ours)
    assert 3 == ours.discard()
    client.shutdown(socket.SHUT_WR)
    assert _readable(ours)
    assert 0 == ours.discard()


def test_a_client_that_does_not_read_costs_the_kernel_little(pair: Pair) -> None:
    """Its answer is kept here, often as one for many; the kernel would copy it for each."""
    ours, client = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    ours.sendall(LONG)
    while select.select([], [ours], [], 0.2)[1]:
        ours.push()

    assert len(ours._left) > len(LONG) - 1_500_000
