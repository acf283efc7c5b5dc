"""Nobody smuggles a request: where one ends is never a matter of opinion.

A proxy in front and a server behind that read the same bytes as different requests let one client
speak for another. All three servers are held to it: the query API, its gateway, the exporters'.
"""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.attacked import Attacked
from tests.support.serving import Shown, serving
from tests.support.wire import port_of, spoken

pytestmark = [pytest.mark.attacks, pytest.mark.e2e]

_GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
_HIDDEN = b"GET /metrics HTTP/1.1\r\nHost: hidden\r\nConnection: close\r\n\r\n"
_CLOSE = b"Connection: close\r\n\r\n"
_LENGTH = b"%d" % len(_HIDDEN)
_CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(_HIDDEN), _HIDDEN)
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
SERVERS = ("api", "exporter", "gateway")
_REFUSALS = {400, 405, 431, 501, 505}


@pytest.fixture(name="ports", scope="module")
def _ports(service: Attacked) -> Iterator[dict[str, int]]:
    with serving(Shown()) as exporter:
        yield {
            "api": service.port,
            "exporter": port_of(exporter.address),
            "gateway": service.stream,
        }


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    "headers",
    [
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding:\r\n chunked\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"Transfer-Encoding: chunked\x00\r\n",
        b'Transfer-Encoding: "chunked"\r\n',
        b"X: y\rTransfer-Encoding: chunked\r\n",
        b"Content-Length: 0\r\nContent-Length: " + _LENGTH + b"\r\n",
        b"Content-Length: " + _LENGTH + b"\r\nContent-Length: 0\r\n",
        b"Content-Length: " + _LENGTH + b", " + _LENGTH + b"\r\n",
        b"Content-Length : " + _LENGTH + b"\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 4 4\r\n",
        b"Content-Length: 1.0\r\n",
        b"Content-Length: \xd9\xa4\r\n",
        b"Content-Length: " + b"9" * 5000 + b"\r\n",
        b"X: y\r\n folded: line\r\n",
        b": no name\r\n",
        b"no colon\r\n",
        b"a b: c\r\n",
        b"X: nul\x00l\r\n",
        b"X: carriage\rreturn\r\n",
        b"Host : y\r\n",
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused(
    ports: dict[str, int], server: str, headers: bytes
) -> None:
    """One refusal, and the end: nothing that follows is taken for anything."""
    told = spoken(ports[server], _GET + headers + b"\r\n0\r\n\r\n" + _HIDDEN)

    assert 1 == len(told)
    assert told[0].status in _REFUSALS


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Length: 4\r\n" + _CHUNKED, b"0\r\n\r\n"),
        (_CHUNKED + b"Content-Length: 4\r\n", b"0\r\n\r\n"),
        (_CHUNKED + _CHUNKED, b"0\r\n\r\n"),
        (b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
        (b"Content-Length: +" + _LENGTH + b"\r\n", b""),
        (b"Content-Length: -1\r\n", b""),
        (b"Content-Length: 1_0\r\n", b""),
        (_CHUNKED, b"+0\r\n\r\n"),
        (_CHUNKED, b"-1\r\n\r\n"),
        (_CHUNKED, b"0x0\r\n\r\n"),
        (_CHUNKED, b"0_0\r\n\r\n"),
        (_CHUNKED, b"0\n\n"),
        (_CHUNKED, b"2;\nxx\r\n4c\r\n0\r\n\r\n"),
        (_CHUNKED, b"2\r\nabc\r\n0\r\n\r\n"),
        (_CHUNKED, b"f" * 40 + b"\r\n"),
        (_CHUNKED, b"0\r\nno trailer\r\n\r\n"),
        (_CHUNKED, b"0\r\n" + _HIDDEN),
    ],
)
def test_behind_a_body_that_cannot_be_measured_nothing_is_read(
    ports: dict[str, int], server: str, headers: bytes, body: bytes
) -> None:
    """One answer and the end, whatever the answer: the hidden request has none."""
    assert 1 == len(spoken(ports[server], _GET + headers + b"\r\n" + body + _HIDDEN))


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    "line",
    [
        b"GET /healthz\r\n",
        b"GET /healthz HTTP/2.0\r\n",
        b"GET /healthz http/1.1\r\n",
        b"GET /healthz HTTP/1.1.1\r\n",
        b"GET /healthz x HTTP/1.1\r\n",
        b"GET  /healthz HTTP/1.1\r\n",
        b"GET\t/healthz\tHTTP/1.1\r\n",
        b"GET healthz HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n",
    ],
)
def test_a_first_line_that_is_none_is_refused(
    ports: dict[str, int], server: str, line: bytes
) -> None:
    """Neither HTTP/0.9 nor HTTP/2, nor anything that only looks like HTTP/1.1."""
    told = spoken(ports[server], line + b"Host: x\r\n\r\n" + _HIDDEN)

    assert 1 == len(told)
    assert told[0].status in _REFUSALS | {401, 404}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("said", "statuses"),
    [
        (b"OPTIONS * HTTP/1.1\r\n", {204, 400, 401, 404, 405}),
        (b"TRACE /healthz HTTP/1.1\r\nCookie: secret\r\n", {405}),
        (b"CONNECT x:80 HTTP/1.1\r\n", {400, 401, 404, 405}),
        (b"GET /healthz HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", {200, 400}),
    ],
)
def test_other_ways_to_speak_are_not_begun(
    ports: dict[str, int], server: str, said: bytes, statuses: set[int]
) -> None:
    """No tunnel, no other protocol, nothing of the request told back."""
    told = spoken(ports[server], said + b"Host: x\r\nConnection: close\r\n\r\n" + _HIDDEN)

    assert 1 == len(told)
    assert told[0].status in statuses
    assert b"secret" not in told[0].head + told[0].body


def test_a_body_is_skipped_to_its_end_and_no_further(ports: dict[str, int]) -> None:
    """Length or chunks: the next request of a connection is the one behind the body."""
    numbers = count()

    def get(headers: bytes, body: bytes) -> bytes:
        return _GET + b"X-Request-ID: n%d\r\n" % next(numbers) + headers + b"\r\n" + body

    said = [
        get(b"Content-Length: " + _LENGTH + b"\r\n", _HIDDEN),
        get(_CHUNKED, _CHUNK),
        get(_CHUNKED, b"%x;a=b\r\n%s\r\n0;c\r\n\r\n" % (len(_HIDDEN), _HIDDEN)),
        get(_CHUNKED, b"0\r\nX: trailer\r\n\r\n"),
        get(b"", b""),
    ]
    told = spoken(ports["api"], b"".join(said), ends=True)

    assert [f"n{number}" for number in range(5)] == [one.header("X-Request-ID") for one in told]
    assert {b'{"alive":true}'} == {one.body for one in told}


@pytest.mark.parametrize("server", ["api", "exporter"])
def test_requests_sent_at_once_get_their_own_answers(ports: dict[str, int], server: str) -> None:
    """A hundred on one connection, in their order, and not one more."""
    wanted = [b"/healthz", b"/nowhere"] * 50
    said = b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in wanted)
    told = spoken(ports[server], said, ends=True)

    assert [True, False] * 50 == [one.status == 200 for one in told]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    "said",
    [
        b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n",
        b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n",
        b"HEAD /openapi.json HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n",
        b"HEAD /nowhere HTTP/1.1\r\nHost: x\r\n",
        b"HEAD /ws HTTP/1.1\r\nHost: x\r\n",
        b"HEAD /api/pools HTTP/1.1\r\nHost: x\r\n",
        b"HEAD /healthz HTTP/1.1\r\n",
        b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nno colon\r\n",
        b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n",
        b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n",
        b"HEAD /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n",
    ],
    ids=lambda said: said[:40].decode().strip(),
)
def test_the_answer_to_head_ends_with_its_headers(
    ports: dict[str, int], server: str, said: bytes
) -> None:
    """Whatever it is, refusals too: a body would be the answer to the next request."""
    told = spoken(ports[server], said + _CLOSE, heads=True)

    assert 1 == len(told)


@pytest.mark.parametrize("server", ["api", "exporter"])
def test_heads_of_one_connection_are_answered_one_by_one(
    ports: dict[str, int], server: str
) -> None:
    """With the length that GET would have, and nothing between two of them."""
    get, head = (b"%s /healthz HTTP/1.1\r\nHost: x\r\n\r\n" % it for it in (b"GET", b"HEAD"))
    [whole] = spoken(ports[server], get, ends=True)
    told = spoken(ports[server], head * 20, ends=True, heads=True)

    length = whole.header("Content-Length")
    assert [(200, length)] * 20 == [(it.status, it.header("Content-Length")) for it in told]


def test_a_trailer_is_no_header(ports: dict[str, int]) -> None:
    """What comes behind a body changes nothing of who asks, or for what."""
    trailers = b"0\r\nX-Request-ID: late\r\nHost: late\r\nAuthorization: Bearer late\r\n\r\n"
    told = spoken(ports["api"], _GET + _CHUNKED + b"\r\n" + trailers, ends=True)

    assert [200] == [one.status for one in told]
    assert "late" != told[0].header("X-Request-ID")
