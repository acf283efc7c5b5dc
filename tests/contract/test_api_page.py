"""docs/api.md says what the service does."""

import json
import re
import shlex
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client

from demo.stack import ROOT
from queryapi.api.dialects import Problem, dialect_of
from queryapi.api.endpoints import ENDPOINTS
from tests.support.query_service import running

PAGE = (ROOT / "docs" / "api.md").read_text()


@pytest.fixture(name="http")
def _http() -> Iterator[Client]:
    with running(clusters=("prod-cluster",)) as service:
        yield Client(service.http.application)


def test_the_page_names_every_route() -> None:
    """And no other."""
    named = re.findall(r"`([A-Z]+) (/[^`]*)`", PAGE)

    assert {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS} == set(named)


def test_the_lines_to_copy_are_answered(http: Client) -> None:
    """Each curl line of the page asks something that there is."""
    lines = re.findall(r"^    (curl .*)$", PAGE, re.MULTILINE)
    urls = [urlsplit(shlex.split(line)[-1]) for line in lines]
    statuses = [http.get(f"{url.path}?{url.query}").status_code for url in urls]

    assert [200] * 4 == statuses


def test_the_codes_are_those_of_the_service() -> None:
    """Each row of the table of failures; the codes of everything else are in its body alone."""
    rows = re.findall(r"^\| ([0-9, ]+) \| ([0-9]{4}) \|", PAGE, re.MULTILINE)
    dialect = dialect_of("/api/v1/realtime/status")
    expected = {
        (int(status), int(code)) for statuses, code in rows for status in statuses.split(",")
    }
    bodies = {
        status: json.loads(json.dumps(dialect.body(Problem(HTTPStatus(status), "…"))))
        for status, _ in expected
        if status != 200
    }

    assert len(expected) == 12
    assert expected == {(200, 2000)} | {
        (status, body["meta"]["code"]) for status, body in bodies.items()
    }


def test_the_bodies_of_failures_are_shown() -> None:
    """As they are sent."""
    problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "…")

    for path in ("/api/v1/realtime/status", "/"):
        assert f"`{json.dumps(dialect_of(path).body(problem), ensure_ascii=False)}`" in PAGE
