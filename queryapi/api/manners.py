"""How an answer is sent: its coding, its validator, how long it is good (RFC 9110, RFC 9111).

A body is packed once per answer, not once per request, and with gzip alone: every client speaks
it, and Brotli would need another library in each process to save a tenth of what is sent.
"""

import gzip
import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from flask import Response, request

from queryapi.api.codings import Coding, wanted
from queryapi.cache.prepared import Prepared, prepare
from queryapi.services.freshness import Freshness
from queryapi.services.snapshot import Answer

Header = tuple[str, str]
Headers = list[Header]

_JSON = "application/json"
_STALE = ("Warning", '110 - "Response is Stale"')
_VARY = ("Vary", "Accept-Encoding, Authorization")
_WARNINGS_SENT = 5
_WORTH_PACKING = 1024
_WARNING_LENGTH = 200
# A quoted string of a header: no quotes to end it, nothing that ends the line.
_QUOTABLE = {code: "?" for code in range(256) if not 32 <= code < 127} | {34: "'", 92: "/"}  # noqa: PLR2004 - ASCII


class Rendered(NamedTuple):
    """An answer as HTTP has it."""

    status: HTTPStatus
    headers: Headers
    chunks: Sequence[bytes]

    def response(self) -> Response:
        """Return the same to Flask."""
        # As a list: of one string Flask would write its own Content-Length, which HEAD's is not.
        return Response(list(self.chunks), self.status, self.headers)


def render(
    answer: Answer, *, method: str, accept_encoding: str | None, if_none_match: str | None
) -> Rendered:
    """Return *answer* as it is sent to one caller, or 304 to one who has it already.

    Args:
        answer: What is sent.
        method: GET or HEAD.
        accept_encoding: The request's header; None = there was none.
        if_none_match: The same.
    """
    return dress(
        answer.prepared,
        _freshness(answer.freshness),
        method=method,
        accept_encoding=accept_encoding,
        if_none_match=if_none_match,
    )


def dress(
    prepared: Prepared,
    headers: Headers,
    *,
    method: str,
    accept_encoding: str | None,
    if_none_match: str | None,
    content_type: str = _JSON,
    version: int | None = None,
) -> Rendered:
    """Return a body with *headers* and those that all bodies have; else as `render`.

    Each coding has an ETag of its own, being other bytes (RFC 9110, section 8.8.3.3). It begins
    with the *version* of what is told of, where that can be changed: If-Match asks for it.
    """
    body, tag, coding = _chosen(prepared, wanted(accept_encoding))
    tag = f'"{tag}"' if version is None else f'"{version}.{tag}"'
    headers = [*headers, ("ETag", tag), _VARY]
    if if_none_match and _names(if_none_match, tag):
        return Rendered(HTTPStatus.NOT_MODIFIED, headers, ())
    if coding:
        headers.append(("Content-Encoding", coding))
    headers += [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    return Rendered(HTTPStatus.OK, headers, () if method == "HEAD" else (body,))


def respond(answer: Answer, *, version: int | None = None) -> Response:
    """Return *answer* to the request that Flask is serving; *version* as `dress` has it."""
    return respond_with(answer.prepared, _freshness(answer.freshness), version=version)


def respond_with(
    prepared: Prepared, headers: Headers, content_type: str = _JSON, *, version: int | None = None
) -> Response:
    """Return a body of any kind to the request that Flask is serving."""
    return dress(
        prepared,
        headers,
        method=request.method,
        accept_encoding=request.headers.get("Accept-Encoding"),
        if_none_match=request.headers.get("If-None-Match"),
        content_type=content_type,
        version=version,
    ).response()


def respond_changed(
    body: bytes, version: int, *, status: HTTPStatus = HTTPStatus.OK, headers: Sequence[Header] = ()
) -> Response:
    """Return what was changed, as *body* tells of it, to the request that Flask is serving."""
    rendered = dress(
        prepare(body),
        [("Cache-Control", "no-store"), *headers],
        method=request.method,
        accept_encoding=request.headers.get("Accept-Encoding"),
        # It says what may not be changed, not what the caller has already.
        if_none_match=None,
        version=version,
    )
    return rendered._replace(status=status).response()


def respond_now(
    told: msgspec.Struct, *, status: HTTPStatus = HTTPStatus.OK, headers: Sequence[Header] = ()
) -> Response:
    """Return what holds now, and is kept by nobody, to the request that Flask is serving."""
    coding = request.headers.get("Accept-Encoding")
    return render_now(told, coding, status=status, headers=headers).response()


def render_now(
    told: msgspec.Struct,
    accept_encoding: str | None,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Sequence[Header] = (),
) -> Rendered:
    """Return what holds now, and is kept by nobody, as it is sent."""
    body = msgspec.json.encode(told)
    sent = [("Cache-Control", "no-store"), _VARY, *headers]
    coding = wanted(accept_encoding)
    if coding is Coding.PACKED_ONLY or (coding is Coding.PACKED and len(body) >= _WORTH_PACKING):
        # Quickly: nobody else gets it.
        body = gzip.compress(body, 1, mtime=0)
        sent.append(("Content-Encoding", "gzip"))
    sent += [("Content-Type", _JSON), ("Content-Length", str(len(body)))]
    return Rendered(status, sent, (body,))


def _freshness(freshness: Freshness) -> Headers:
    # RFC 9111: what is left of the window is max-age - Age; a stale answer's Age is beyond it.
    headers = [
        ("Cache-Control", f"private, max-age={math.floor(freshness.lifetime)}"),
        ("Age", str(math.floor(freshness.age))),
    ]
    if freshness.stale:
        headers.append(_STALE)
    for warning in freshness.warnings[:_WARNINGS_SENT]:
        text = warning[:_WARNING_LENGTH].encode("ascii", "replace").decode().translate(_QUOTABLE)
        headers.append(("Warning", f'199 - "{text}"'))
    return headers


def _chosen(prepared: Prepared, coding: Coding) -> tuple[bytes, str, str]:
    """Return the body in the form that suits, its ETag and its Content-Encoding."""
    packed = None if coding is Coding.PLAIN else prepared.packed
    if packed is None and coding is Coding.PACKED_ONLY:
        packed = gzip.compress(prepared.body, mtime=0)
    if packed is None:
        return prepared.body, prepared.digest, ""
    return packed, f"{prepared.digest}-gzip", "gzip"


def _names(if_none_match: str, tag: str) -> bool:
    """Tell whether the header names *tag*, strong or weak, or anything at all.

    No opaque tag holds a quote, so that `"tag"` inside the list is a member of it.
    """
    return tag in if_none_match or if_none_match.strip() == "*"
