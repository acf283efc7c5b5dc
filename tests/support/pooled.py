"""Asks `/api/pools` over HTTP, as briefly as a test wants."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from tests.support.pools import WHOLE
from tests.support.query_service import Service, running
from tests.support.stored import prepared

POOLS = "/api/pools"


@contextmanager
def pooled(folder: Path, **settings: Any) -> Iterator[Service]:
    """Run the service with an empty database."""
    with running(database_url=prepared(folder), **settings) as service:
        yield service


def sent(
    service: Service, method: str, path: str, told: Any = None, **headers: str
) -> TestResponse:
    """Send a request with a JSON body; an underscore in a header's name is a dash."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return service.http.open(path, method=method, json=told, headers=named)


def created(service: Service, **told: Any) -> TestResponse:
    """Create a pool like the document's, but for what is told."""
    answer = sent(service, "POST", POOLS, dict(WHOLE) | told)
    assert 201 == answer.status_code, answer.text
    return answer


def bad(details: str) -> dict[str, str]:
    """Return the document's 400."""
    return {
        "error": "Bad Request",
        "message": "Invalid request parameters",
        "details": details,
    }
