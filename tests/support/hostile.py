"""What somebody sends who means harm, and every place where it can be sent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec

from queryapi.api.endpoints import ENDPOINTS, Endpoint

HARMLESS = "ml-team"
UNKNOWN = "nobody-knows"
"""A parameter that no route has."""
PROMQL = (
    'x"}) or vector(1) #',
    'ml"}) or sum(x{namespace=~".+',
    'ml",cluster=~".+',
    "x'}) or vector(1) #",
    "x`}) or vector(1) #",
    "\\",
    '\\"}',
    "\\x41",
    "\\u0022}",
    "a\\\\",
    "a\nb",
    'a\r\n"} or vector(1)',
    ".*",
    ".+",
    "ml|prod",
    "ml-team|.*",
    "(?i)ml",
    "[^a]",
    "\\Eml|.*\\Q",
    "\N{RIGHT DOUBLE QUOTATION MARK}}) or vector(1) #",
    "\N{FULLWIDTH QUOTATION MARK}",
    "\N{REPLACEMENT CHARACTER}",
    "\0",
    "{}",
    "{{.}}",
    "$__range",
    "${cluster:regex}",
    "[5m] offset 1d",
    "%22%7D",
    "%2522",
)
OTHERS = (
    "'; DROP TABLE pools; --",
    "' OR '1'='1",
    "%' OR 1=1 --",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a\r\nSet-Cookie: a=b",
    "a\nlevel=error forged",
    '{"level":"error"}',
    "%s%s%n",
    "{0.__class__}",
    "${jndi:ldap://127.0.0.1/a}",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "__proto__",
    "NaN",
    "1e999",
    "-1",
    "9" * 400,
    "\x1b[31mred\x9b2J",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "a\N{LINE SEPARATOR}b\x85c",
    "\N{ZERO WIDTH SPACE}",
    "x" * 10_240,
)
CORPUS = (*PROMQL, *OTHERS)
# Headers that any route may be sent; a client's library writes no line ends into one.
_HEADERS = (
    *("X-Request-ID", "X-Forwarded-For", "User-Agent", "Origin", "Accept", "Accept-Encoding"),
    *("If-None-Match", "Cookie", "traceparent", "Accept-Language", "X-Scope-OrgID"),
)
Kind = Literal["path", "query", "header", "body", "key"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value goes in a request.

    Attributes:
        endpoint: Which route.
        kind: In which part of the request; a key is one of the body's.
        name: Of the parameter, the header, or as a path into the body.
        at: The steps of that path.
    """

    endpoint: Endpoint
    kind: Kind
    name: str
    at: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        """Return what a failing test is called."""
        return f"{self.endpoint.method} {self.endpoint.path} {self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that holds a value in one place and is as the description's sample elsewhere."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


def places(endpoints: Sequence[Endpoint] = ENDPOINTS) -> Iterator[Place]:
    """Yield every place of every route, for each parameter and each text of each body."""
    for endpoint in endpoints:
        yield Place(endpoint, "query", UNKNOWN)
        for header in _HEADERS:
            yield Place(endpoint, "header", header)
        for parameter in endpoint.parameters:
            in_path = f"{{{parameter.name}}}" in endpoint.path
            kind: Kind = "header" if parameter.header else "path" if in_path else "query"
            yield Place(endpoint, kind, parameter.name)
        if endpoint.taken is not None:
            yield from _of_body(endpoint)


def sent(place: Place, value: str, **known: str) -> Sent:
    """Return the request with *value* in a place.

    Args:
        place: Where.
        value: What.
        **known: What other parameters are, instead of the description's examples.
    """
    endpoint = place.endpoint
    given = {each.name: known.get(each.name, each.example) for each in endpoint.parameters}
    if place.kind in ("path", "query"):
        given[place.name] = value
    path = endpoint.path
    query: dict[str, str] = {}
    headers = {"Content-Type": "application/json"} if endpoint.taken is not None else {}
    for name, text in given.items():
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(text, safe=""))
        elif not any(each.name == name and each.header for each in endpoint.parameters) and text:
            query[name] = text
    if place.kind == "header":
        one_line = " ".join(value.splitlines())
        headers[place.name] = one_line.encode("utf-8", "replace").decode("latin-1")
    body = _body(place, value) if endpoint.taken is not None else None
    return Sent(endpoint.method, f"{path}?{urlencode(query)}", headers, body)


def example_of(endpoint: Endpoint) -> Any:
    """Return the body that the description shows, and what it may hold besides."""
    shown = msgspec.to_builtins(endpoint.taken)
    return {**shown, **_BESIDES.get(endpoint.path, {})}


# What the description's bodies leave out, so that every text of them is tried.
_FACTS = ("pool", "model", "instanceType", "zone", "region", "provider")
_BESIDES: Mapping[str, Mapping[str, Any]] = {
    "/api/pools": {
        "cluster": "c", "description": "d", "selector": {fact: ["a"] for fact in _FACTS},
    },
    "/api/pools/{pool_id}": {
        "name": "n", "description": "d", "tags": ["a"],
        "selector": {fact: ["a"] for fact in _FACTS},
    },
    "/api/jobs": {
        "id": "a", "cluster": "c", "namespace": HARMLESS, "instanceType": "a", "pool": "a",
        "qubicAddress": "a", "username": "a", "estimatedCost": "1",
    },
    "/api/jobs/{job_id}/complete": {"error": "a", "result": {"a": "b"}},
    "/api/jobs/{job_id}/progress": {"namespace": HARMLESS, "timestamp": "a", "sentAt": "a"},
}  # fmt: skip


def _of_body(endpoint: Endpoint) -> Iterator[Place]:
    whole = example_of(endpoint)
    for at in _texts(whole):
        yield Place(endpoint, "body", ".".join(map(str, at)), at)
    yield Place(endpoint, "key", "")


def _texts(value: Any, *at: str | int) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, str):
        yield at
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, *at, name)
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _texts(each, *at, number)


def _body(place: Place, value: str) -> bytes:
    whole = json.loads(json.dumps(example_of(place.endpoint)))
    if place.kind == "key":
        whole[value] = HARMLESS
    if place.kind == "body":
        whole = _with(whole, place.at, value)
    return json.dumps(whole).encode()


def _with(whole: Any, at: Sequence[str | int], value: str) -> Any:
    changed = inner = deepcopy(whole)
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    return changed
