"""An answer is sent as its caller can take it, with what caches need to know."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.api.manners import Rendered, render
from queryapi.cache.prepared import prepare
from queryapi.services.freshness import Freshness
from queryapi.services.snapshot import Answer
from tests.support.query_service import STATUS, running

BODY = b'{"data": "' + b"x" * 2000 + b'"}'
LONG, SHORT = prepare(BODY), prepare(b"{}")
FRESH = Freshness(at=0, age=12.5, lifetime=30.9, stale=False)
PLAIN_TAG, PACKED_TAG = f'"{LONG.digest}"', f'"{LONG.digest}-gzip"'


def _render(
    *,
    method: str = "GET",
    accept: str | None = None,
    match: str | None = None,
    freshness: Freshness = FRESH,
) -> Rendered:
    return render(
        Answer(LONG, freshness), method=method, accept_encoding=accept, if_none_match=match
    )


def test_the_whole_answer() -> None:
    """Status, body and headers, to the letter."""
    assert (
        200,
        [
            ("Cache-Control", "private, max-age=30"),
            ("Age", "12"),
            ("ETag", PLAIN_TAG),
            ("Vary", "Accept-Encoding, Authorization"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(BODY))),
        ],
        (BODY,),
    ) == _render()


def test_a_packed_answer_is_another_representation() -> None:
    """It unpacks to the same, under a tag of its own."""
    found = _render(accept="gzip")
    headers = dict(found.headers)

    assert BODY == gzip.decompress(found.chunks[0])
    assert (PACKED_TAG, "gzip") == (headers["ETag"], headers["Content-Encoding"])
    assert str(len(found.chunks[0])) == headers["Content-Length"]


def test_what_is_not_worth_packing_is_packed_when_nothing_else_will_do() -> None:
    """A client that refuses the plain form is not sent it."""
    answer = Answer(SHORT, FRESH)
    plain = render(answer, method="GET", accept_encoding="gzip", if_none_match=None)
    packed = render(answer, method="GET", accept_encoding="gzip, *;q=0", if_none_match=None)

    assert (b"{}",) == plain.chunks
    assert b"{}" == gzip.decompress(packed.chunks[0])
    assert f'"{SHORT.digest}-gzip"' == dict(packed.headers)["ETag"]


@pytest.mark.parametrize(
    ("status", "match", "accept"),
    [
        (304, PLAIN_TAG, None), (304, f"W/{PLAIN_TAG}", None), (304, "*", None), (304, " * ", None),
        (304, f'"x", {PLAIN_TAG},"y"', None), (304, PACKED_TAG, "gzip"),
        (200, PACKED_TAG, None), (200, PLAIN_TAG, "gzip"), (200, '"x"', None), (200, "", None),
        (200, LONG.digest, None), (200, '"', None), (200, "W/", None),
    ],
)  # fmt: skip
def test_who_has_it_is_not_sent_it(status: int, match: str, accept: str | None) -> None:
    """304 keeps what caches need and has no body; tags are compared weakly, coding by coding."""
    found = _render(match=match, accept=accept)
    names = {name for name, _ in found.headers}

    assert status == found.status
    assert {"ETag", "Cache-Control", "Age", "Vary"} <= names
    assert (status == 304) == (found.chunks == ()) == ("Content-Length" not in names)


def test_a_stale_answer_says_so() -> None:
    """Age is beyond max-age; Prometheus' warnings pass, harmless to the header they stand in."""
    warnings = ('it said "no"\r\nSet-Cookie: x', "ü" * 300, *("more",) * 9)
    freshness = Freshness(at=0, age=40, lifetime=30, stale=True, warnings=warnings)
    headers = _render(freshness=freshness).headers

    assert [
        '110 - "Response is Stale"',
        "199 - \"it said 'no'??Set-Cookie: x\"",
        f'199 - "{"?" * 200}"',
        *['199 - "more"'] * 3,
    ] == [value for name, value in headers if name == "Warning"]


def test_head_is_a_get_without_its_body() -> None:
    """Same headers, nothing else."""
    assert _render().headers == _render(method="HEAD").headers
    assert () == _render(method="HEAD").chunks


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_header_breaks_it(accept: str, match: str) -> None:
    """Whatever is asked, the answer is all of it or nothing."""
    found = _render(accept=accept, match=match)
    whole = LONG.packed if "Content-Encoding" in dict(found.headers) else BODY

    assert (found.status, found.chunks) in ((304, ()), (200, (whole,)))


def test_the_application_has_the_same_manners() -> None:
    """Through Flask, too, a tag brings 304."""
    with running() as service:
        first = service.get(STATUS)
        again = service.http.get(STATUS, headers={"If-None-Match": first.headers["ETag"]})

    assert (304, b"") == (again.status_code, again.data)
    assert first.headers["ETag"] == again.headers["ETag"]
    assert "Content-Length" not in again.headers
