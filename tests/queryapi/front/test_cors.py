"""Pages of other origins may read answers when the settings say so."""

import pytest

from tests.support.gated import GOOD, PATH, gated

PAGE = "https://grafana.example"


@pytest.mark.parametrize(
    ("allowed", "vary", "origins", "origin"),
    [
        (None, False, (), PAGE),
        (None, False, (), None),
        (PAGE, True, (PAGE,), PAGE),
        (PAGE, True, ("https://Grafana.example/",), PAGE),
        (None, True, (PAGE,), None),
        (None, True, (PAGE,), "https://evil.example"),
        (None, True, (PAGE,), f"{PAGE}.evil.example"),
        (None, True, (PAGE,), "null"),
        ("*", False, ("*",), PAGE),
        (None, False, ("*",), None),
    ],
)
@pytest.mark.parametrize("path", [PATH, "/nowhere"])
def test_answers_and_errors_name_the_origin_that_may_read_them(
    allowed: str | None,
    vary: bool,  # noqa: FBT001 - an expectation
    origins: tuple[str, ...],
    origin: str | None,
    path: str,
) -> None:
    """A listed origin is echoed, others get nothing; caches are told that it matters."""
    headers = GOOD | ({"Origin": origin} if origin else {})
    answer = gated(origins=origins).http.get(path, headers=headers)

    assert allowed == answer.headers.get("Access-Control-Allow-Origin")
    assert vary == ("Origin" in answer.headers.getlist("Vary"))
    assert bool(allowed) == ("ETag" in answer.headers.get("Access-Control-Expose-Headers", ""))
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    ("methods", "path"),
    [
        ("GET, HEAD, OPTIONS", PATH),
        ("DELETE, GET, HEAD, OPTIONS", "/api/pools/p"),
        ("GET, HEAD, OPTIONS", "/api/pools/p/unknown"),
    ],
)
def test_a_preflight_needs_no_token(methods: str, path: str) -> None:
    """Browsers ask first and without credentials; a token may then be sent."""
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
    answer = gated(origins=(PAGE,)).http.options(path, headers=asked)

    assert (204, b"") == (answer.status_code, answer.data)
    assert PAGE == answer.headers["Access-Control-Allow-Origin"]
    assert methods == answer.headers["Access-Control-Allow-Methods"]
    sent = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"Authorization", "Content-Type", "If-Match", "Idempotency-Key"} <= set(sent)
    assert "600" == answer.headers["Access-Control-Max-Age"]


def test_a_preflight_of_another_page_is_not_granted() -> None:
    """It is answered, and nothing is allowed."""
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    answer = gated(origins=(PAGE,)).http.options(PATH, headers=asked)

    assert 204 == answer.status_code
    assert [] == [name for name, _ in answer.headers if name.startswith("Access-Control")]
