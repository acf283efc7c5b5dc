"""`/api/pools` among the others: methods, pages, callers, and what fails behind it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from queryapi.errors import UpstreamUnavailable
from queryapi.settings import Auth, Role
from tests.support.access import issue
from tests.support.pool_series import A100, H100
from tests.support.pooled import POOLS, created, pooled, sent
from tests.support.pools import WHOLE
from tests.support.query_service import Service, body, running
from tests.support.stored import prepared


@pytest.fixture(name="service")
def _service(tmp_path: Path) -> Iterator[Service]:
    with pooled(tmp_path) as service:
        yield service


@pytest.mark.parametrize("path", [POOLS, f"{POOLS}/{H100}", f"{POOLS}/activity"])
def test_head_and_a_trailing_slash_are_welcome(service: Service, path: str) -> None:
    """HEAD has the headers of GET without its body."""
    whole, head = service.get(path), service.http.head(path)

    assert (200, b"") == (head.status_code, head.data)
    assert whole.headers["Content-Length"] == head.headers["Content-Length"]
    assert whole.data == service.get(f"{path}/").data
    assert 201 == sent(service, "POST", f"{POOLS}/", dict(WHOLE)).status_code


@pytest.mark.parametrize(
    ("allow", "path"),
    [
        ("GET, HEAD, POST, OPTIONS", POOLS),
        ("DELETE, GET, HEAD, PUT, OPTIONS", f"{POOLS}/pool-1"),
        ("GET, HEAD, OPTIONS", f"{POOLS}/activity"),
        ("GET, HEAD, OPTIONS", f"{POOLS}/pool-1/capacity"),
        ("GET, HEAD, OPTIONS", f"{POOLS}/pool-1/history"),
    ],
)
def test_each_path_tells_its_methods(service: Service, allow: str, path: str) -> None:
    """By OPTIONS, and by 405 to any other."""
    options, patch = service.http.options(path), sent(service, "PATCH", path, {})

    assert (204, allow) == (options.status_code, options.headers["Allow"])
    assert (405, allow) == (patch.status_code, patch.headers["Allow"])


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_page_may_change_pools_where_it_is_let_in(tmp_path: Path, method: str) -> None:
    """A preflight lists what it needs; then it reads where things are."""
    page = "https://board.example"
    with running(cors_origins=(page,), database_url=prepared(tmp_path)) as service:
        asked = service.http.options(
            f"{POOLS}/pool-1", headers={"Origin": page, "Access-Control-Request-Method": method}
        )
        made = sent(service, "POST", POOLS, dict(WHOLE), Origin=page)

    assert method in asked.headers["Access-Control-Allow-Methods"].split(", ")
    assert {"Content-Type", "If-Match", "Idempotency-Key"} <= set(
        asked.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert {"Location", "ETag", "Idempotency-Replayed"} <= set(
        made.headers["Access-Control-Expose-Headers"].split(", ")
    )


@pytest.fixture(name="guarded")
def _guarded(tmp_path: Path) -> Iterator[tuple[Service, dict[str, str]]]:
    path = tmp_path / "tokens.json"
    tokens = {role.value: issue(path, role) for role in Role}
    with running(auth=Auth(tokens_file=str(path)), database_url=prepared(tmp_path)) as service:
        yield service, tokens


def test_who_may_not_is_told_in_the_documents_words(
    guarded: tuple[Service, dict[str, str]],
) -> None:
    """401 and 403 say no more than that; what they would have met is not looked at."""
    service, tokens = guarded
    wrong = {"name": 7}

    def met(token: str | None, method: str = "POST") -> tuple[int, Any]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer = sent(service, method, POOLS, wrong if method == "POST" else None, **headers)
        return answer.status_code, body(answer)

    unknown = {"error": "Unauthorized", "message": "Authentication required"}
    forbidden = {
        "error": "Forbidden",
        "message": "Insufficient permissions to perform this action",
    }
    assert (401, unknown) == met(None) == met("wrong") == met("wrong", "GET")
    assert (403, forbidden) == met(tokens["viewer"]) == met(tokens["worker"])
    assert (403, forbidden) == met(tokens["worker"], "GET")
    assert [400, 400] == [met(tokens[role])[0] for role in ("operator", "admin")]
    assert 200 == met(tokens["viewer"], "GET")[0]


def test_who_writes_is_remembered(guarded: tuple[Service, dict[str, str]]) -> None:
    """By the name of the token, whatever the body says."""
    service, tokens = guarded
    headers = {"Authorization": f"Bearer {tokens['operator']}"}
    answer = sent(service, "POST", POOLS, dict(WHOLE), **headers)
    [told] = body(sent(service, "GET", f"{POOLS}/activity", **headers))["activities"]

    assert 201 == answer.status_code
    assert told["user"].startswith("token:")


def test_without_a_database_pools_are_what_labels_say() -> None:
    """They can be read; what cannot be written is told as such, and not asked for again."""
    with running() as service:
        told = body(service.get(POOLS))
        refused = sent(service, "POST", POOLS, dict(WHOLE))

    assert [A100, H100] == [pool["id"] for pool in told["pools"]]
    assert (503, "Service Unavailable") == (refused.status_code, body(refused)["error"])
    assert "database_url" in body(refused)["message"]
    assert "Retry-After" not in refused.headers


def test_a_defect_is_told_in_the_documents_words(service: Service) -> None:
    """And nothing of it to the caller."""
    service.prometheus.broken["poolstock"] = ZeroDivisionError("inside")
    answer = service.get(f"{POOLS}/{H100}")

    assert (500, {"error": "Internal Server Error", "message": "An unexpected error occurred"}) == (
        answer.status_code, body(answer),
    )  # fmt: skip


def test_registered_pools_are_told_while_prometheus_is_away(service: Service) -> None:
    """With zeros, marked; a pool that only labels tell of cannot be."""
    created(service)
    service.clock.now += 3600
    for part in ("evaluation", "poolstock", "stamps"):
        service.prometheus.broken[part] = UpstreamUnavailable("away", reason="refused")
    one, found = service.get(f"{POOLS}/pool-1"), service.get(f"{POOLS}/never")

    assert (200, True) == (one.status_code, json.loads(one.data)["stale"])
    assert (503, "Service Unavailable") == (found.status_code, body(found)["error"])
