"""However a request is spelled, it is judged as what it is: nothing goes round that."""

import gzip
import json
from collections.abc import Mapping

import pytest

from queryapi.settings import Role
from tests.support.attacked import BURST, Attacked
from tests.support.pools import WHOLE
from tests.support.wire import Answer, port_of, spoken

pytestmark = [pytest.mark.attacks, pytest.mark.e2e]

_POOLS = "/api/pools"
# An address of this machine that nobody else here asks from.
_GUESSER = "127.0.0.77"
_CLOSE = "Connection: close"


@pytest.fixture(name="tokens")
def _tokens(service: Attacked) -> Mapping[Role, str]:
    return service.tokens


def _ask(
    service: Attacked, line: str, *headers: str, body: bytes = b"", listener: int = 0
) -> list[Answer]:
    """Send one request as it is spelled; return all that comes back."""
    head = "\r\n".join([f"{line} HTTP/1.1", "Host: x", _CLOSE, *headers, "", ""])
    return spoken(port_of(service.api.urls[listener]), head.encode("latin-1") + body)


def _spellings(path: str) -> list[str]:
    """Return ways to write a path that some server takes for it."""
    first, *rest = path.removeprefix("/").split("/")
    tail = "/".join(rest)
    return [
        f"/{path}",
        f"//x{path}",
        f"/{first}//{tail}",
        f"/./{first}/{tail}",
        f"/{first}/./{tail}",
        f"/healthz/..{path}",
        f"/healthz/..;{path}",
        f"/healthz/%2e%2e{path}",
        f"/healthz/.%2e{path}",
        f"/healthz%2f..{path}",
        f"/healthz/%252e%252e{path}",
        f"/healthz/%c0%ae%c0%ae{path}",
        f"/healthz/..%5c{path.replace('/', '%5c')}",
        f"\\{first}\\{tail}",
        f"/{first}%2f{tail}",
        f"/{first}%252f{tail}",
        f"/{first};a=b/{tail}",
        f"{path};",
        f"{path};.json",
        f"{path}.",
        f"{path}.json",
        f"{path}%00",
        f"{path}%00.css",
        f"{path}%20",
        f"{path}%09",
        f"{path}%0d%0a",
        f"{path}%3f",
        f"{path}//",
        f"{path}/.",
        f"{path}/%2e",
        f"{path}#",
        path.upper(),
        path.title(),
        path.replace("a", "%61").replace("p", "%70"),
        path.replace("a", "%41"),
        path.replace("o", "\u00ba"),
        f"http://x{path}",
        f"http://x:1{path}",
        f"https://admin@x{path}",
        f"*{path}",
    ]


def test_the_way_in_is_there(service: Attacked, tokens: Mapping[Role, str]) -> None:
    """What the next promises say is refused, is not refused to who may."""
    [answer] = _ask(service, f"GET {_POOLS}", f"Authorization: Bearer {tokens[Role.ADMIN]}")

    assert 200 == answer.status


@pytest.mark.parametrize("path", [_POOLS, "/api/v1/realtime/status", "/api/v1/clusters"])
def test_what_is_denied_is_denied_however_it_is_spelled(
    service: Attacked, tokens: Mapping[Role, str], path: str
) -> None:
    """Without a token, and with one whose role may not: 401, 403, or nothing is there."""
    worker = f"Authorization: Bearer {tokens[Role.WORKER]}"
    for spelled in [path, *_spellings(path)]:
        for headers in ((), (worker,)):
            told = _ask(service, f"GET {spelled}", *headers)

            assert [True] == [it.status in {400, 401, 403, 404} for it in told], spelled


@pytest.mark.parametrize("path", [_POOLS, "/docs", "/api/v1/clusters"])
def test_what_a_listener_hides_is_hidden_however_it_is_spelled(
    service: Attacked, tokens: Mapping[Role, str], path: str
) -> None:
    """`listen_apis` holds for an administrator too: 404, as for what is nowhere."""
    admin = f"Authorization: Bearer {tokens[Role.ADMIN]}"
    for spelled in [path, *_spellings(path)]:
        told = _ask(service, f"GET {spelled}", admin, listener=1)

        assert [True] == [it.status in {400, 404} for it in told], spelled


@pytest.mark.parametrize(
    "header",
    [
        f"X-Original-URL: {_POOLS}",
        f"X-Rewrite-URL: {_POOLS}",
        f"X-Forwarded-Prefix: {_POOLS}",
        f"X-Forwarded-Path: {_POOLS}",
        f"X-Forwarded-URI: {_POOLS}",
        "X-HTTP-Method-Override: POST",
        "X-HTTP-Method: POST",
        "X-Method-Override: DELETE",
        "X-Forwarded-User: admin",
        "X-Remote-User: admin",
        "X-Auth-Request-User: admin",
        "Remote-User: admin",
        "REMOTE_USER: admin",
        "X-SSL-Client-Verify: SUCCESS",
        "Authorization_: Bearer x",
        "Proxy-Authorization: Bearer x",
        "Cookie: session=admin; token=admin",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 1",
    ],
)
def test_no_header_moves_a_request_or_says_who_asks(service: Attacked, header: str) -> None:
    """It stays where it was sent, with its method, from nobody."""
    [open_] = _ask(service, "GET /healthz", header)
    [closed] = _ask(service, f"GET {_POOLS}", header)

    assert (200, b'{"alive":true}') == (open_.status, open_.body)
    assert 401 == closed.status


@pytest.mark.parametrize("header", ["Authorization: Bearer {0}\r\nAuthorization: Bearer {1}"])
def test_of_two_tokens_neither_counts(
    service: Attacked, tokens: Mapping[Role, str], header: str
) -> None:
    """A good one before or behind a bad one: nobody can tell which a proxy has looked at."""
    good, bad = tokens[Role.ADMIN], "gpuscope_0_0"
    for first, last in ((good, bad), (bad, good), (good, tokens[Role.WORKER])):
        told = _ask(service, f"GET {_POOLS}", header.format(first, last))

        assert [True] == [it.status in {400, 401} for it in told]


_COSTLY = (
    "Range: bytes=0-0",
    "Range: bytes=" + ",".join(f"{at}-" for at in range(2000)),
    "Range: bytes=9-1",
    "If-None-Match: " + ", ".join(f'"{at}"' for at in range(1500)),
    "If-Match: *",
    "If-Modified-Since: " + "9" * 8000,
    "Accept-Encoding: " + "gzip;q=0.1," * 1400,
    "Accept-Encoding: " + "a" * 15000,
    "Accept-Encoding: gzip;q=" + "9" * 15000,
    "Accept: " + "text/html;q=0.1," * 900,
    "Accept: " + ";" * 15000,
    "Cookie: " + "; ".join(f"a{at}=b" for at in range(1500)),
    "X-Request-ID: " + "a" * 15000,
    "X-Request-ID: a b",
    "Traceparent: 00-" + "f" * 15000,
    "Origin: http://" + "a" * 15000,
    "Keep-Alive: timeout=999999999, max=0",
    "Connection: " + ", ".join(["host"] * 1500),
)


def test_a_header_costs_what_a_header_costs(service: Attacked) -> None:
    """Ranges, conditions and lists without end are read, and change no whole answer."""
    [plain] = _ask(service, "GET /openapi.json")
    for header in _COSTLY:
        [answer] = _ask(service, "GET /openapi.json", header)

        assert 200 == answer.status, header[:40]
        assert "gzip" in header or plain.body == answer.body, header[:40]
        assert "a" * 65 not in (answer.header("X-Request-ID") or "")


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (415, ["Content-Encoding: gzip"], gzip.compress(b" " * 50_000_000)),
        (415, ["Content-Encoding: gzip, gzip"], gzip.compress(gzip.compress(b"{}"))),
        (415, ["Content-Encoding: deflate"], b"{}"),
        (415, ["Content-Encoding: identity, gzip"], b"{}"),
        (413, [], b" " * 1_100_000),
        (400, [], b"[" * 200_000),
        (400, [], b'{"a":' * 100_000),
        (400, [], b'{"name": ' + b"9" * 500_000 + b"}"),
        (400, [], "{}".encode("utf-16")),
        (400, [], "{}".encode("utf-32")),
        (400, [], b"+AHsAfQ-"),
        (400, [], b'{"name":"\xc0\xae"}'),
    ],
    ids=[
        *("gzip bomb", "twice", "deflate", "list", "long", "deep list", "deep object", "digits"),
        *("utf-16", "utf-32", "utf-7", "overlong"),
    ],
)
def test_a_body_is_json_of_a_size(
    service: Attacked, tokens: Mapping[Role, str], status: int, headers: list[str], body: bytes
) -> None:
    """Nothing is unpacked, nothing recurses, nothing is guessed; who asks next is answered."""
    kind = "Content-Type: application/json"
    length = f"Content-Length: {len(body)}"
    admin = f"Authorization: Bearer {tokens[Role.ADMIN]}"
    told = _ask(service, f"POST {_POOLS}", admin, kind, length, *headers, body=body)

    assert [status] == [it.status for it in told]
    assert [200] == [it.status for it in _ask(service, "GET /healthz")]


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "application/json; charset=utf-7",
        "application/json; charset=utf-16",
        "application/jsonp",
        "text/json",
        "application/json, text/plain",
        "text/plain, application/json",
        "text/plain; a=application/json",
    ],
)
def test_a_page_cannot_post_without_being_asked_whether_it_may(
    service: Attacked, tokens: Mapping[Role, str], kind: str
) -> None:
    """What a browser sends unasked to other origins is 415, though it holds a good pool."""
    body = json.dumps(dict(WHOLE)).encode()
    admin = f"Authorization: Bearer {tokens[Role.ADMIN]}"
    length = f"Content-Length: {len(body)}"
    told = _ask(service, f"POST {_POOLS}", admin, length, f"Content-Type: {kind}", body=body)

    assert [415] == [it.status for it in told]


@pytest.mark.parametrize("query", ["cluster=a&cluster=b", "cluster=a&Cluster=b&cluster[]=c"])
def test_a_question_asked_twice_is_no_question(
    service: Attacked, tokens: Mapping[Role, str], query: str
) -> None:
    """Of two values neither is chosen: the limits of a token are held to what is asked."""
    viewer = f"Authorization: Bearer {tokens[Role.VIEWER]}"
    [answer] = _ask(service, f"GET /api/v1/realtime/status?{query}", viewer)

    assert answer.status in {400, 404}


def test_limits_follow_the_connection_and_no_header(service: Attacked) -> None:
    """From one address so many guesses, whoever it says it is for; nobody else's are used up."""
    names = (
        *("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP"),
        *("X-Originating-IP", "X-Cluster-Client-IP", "X_FORWARDED_FOR", "REMOTE_ADDR"),
    )
    guess = f"GET {_POOLS} HTTP/1.1\r\nHost: x\r\n"
    headers = [f"{name}: 192.0.2.{number}\r\n" for number, name in enumerate(names)]
    headers.append("Forwarded: for=192.0.2.99;host=x;proto=https\r\n")
    said = (guess + "\r\n") * BURST + "".join(
        # What came back meanwhile is used up in front of each.
        (guess + "\r\n") * 3 + guess + header + "\r\n"
        for header in headers
    )
    told = [it.status for it in spoken(service.port, said.encode(), ends=True, source=_GUESSER)]

    assert [401] * BURST == told[:BURST]
    assert [429] * len(headers) == told[BURST + 3 :: 4]
    assert [401] == [it.status for it in _ask(service, f"GET {_POOLS}")]
