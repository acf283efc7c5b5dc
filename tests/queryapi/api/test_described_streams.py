"""The description names the WebSockets too, for which OpenAPI has no form."""

import html
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import Client

from queryapi.api.description.openapi import description
from queryapi.api.endpoints.jobs import JOBS
from queryapi.api.endpoints.operating import OPERATING
from queryapi.gateway.live import PATH
from tests.support.query_service import body, running

_ROOT = Path(__file__).parents[3]


@pytest.fixture(name="http", scope="module")
def _http() -> Iterator[Client]:
    with running() as service:
        yield service.http


def test_whoever_reads_the_description_finds_the_websocket(http: Client) -> None:
    """A paragraph of its own: the path that the gateway serves, what it takes, where to read on."""
    paragraphs = body(http.get("/openapi.json"))["info"]["description"].split("\n\n")
    [told] = [paragraph for paragraph in paragraphs if PATH in paragraph]

    for name in (PATH, "stream_listen", "interval", "compare", "docs/streaming.md"):
        assert f"`{name}`" in told
    assert (_ROOT / "docs/streaming.md").is_file()
    assert f"<p>{html.escape(told)}</p>" in http.get("/docs").text


def test_following_jobs_is_described_by_its_own_protocol() -> None:
    """Whoever reads it can write a client: what to say, what is told, how to go on after a loss."""
    paragraphs = description(JOBS, "1")["info"]["description"].split("\n\n")
    [told] = [paragraph for paragraph in paragraphs if "`/ws`" in paragraph]

    for word in ("subscribe:job", "subscribed", "JOB_LOGS", "JOB_COMPLETED", "since", "epoch"):
        assert word in told
    assert "interval" not in told


def test_what_is_not_pushed_is_not_said_to_be() -> None:
    """A description of other routes has no such paragraph."""
    assert "WebSocket" not in description(OPERATING, "1")["info"]["description"]
