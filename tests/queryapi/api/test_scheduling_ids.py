"""Any text may be the id of a worker or of an operation."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.support import scheduling_series as told
from tests.support.query_service import Service, body, running
from tests.support.whole import WHOLE

# What means something somewhere, or is no character: letters and most halves of others do not.
_ODD = {byte for byte in range(128) if not chr(byte).isalnum()} | {*b"aZ09\x80\xc3\xed\xff"}
WORKERS, OPERATIONS = "/api/v1/workers", "/api/v1/operations"


@pytest.fixture(name="service")
def _service() -> Iterator[Service]:
    with running() as service:
        yield service


def test_who_is_not_there_is_named(service: Service) -> None:
    """In the document's words."""
    worker, operation = (service.get(f"{path}/x y") for path in (WORKERS, OPERATIONS))

    assert (404, {"error": "Worker x y not found"}) == (worker.status_code, body(worker))
    assert (404, {"error": "Operation x y not found"}) == (operation.status_code, body(operation))


@pytest.mark.parametrize(("kind", "path"), [("Worker", WORKERS), ("Operation", OPERATIONS)])
def test_an_id_may_hold_any_byte(service: Service, kind: str, path: str) -> None:
    """Alone or inside: the answer is JSON that says what is not there, never another route."""
    bytes_ = [bytes([byte]) for byte in range(256) if WHOLE or byte in _ODD]
    # A slash alone is no id: it is the one at the end that is forgiven.
    alone = [byte for byte in bytes_ if byte != b"/"]
    for id_ in (
        *alone,
        *(b"a" + byte for byte in bytes_),
        *(b"a" + byte + b"b" for byte in bytes_),
    ):
        answer = service.get(f"{path}/{quote(id_, safe='')}")
        shown = id_.decode(errors="replace").removesuffix("/")

        assert (404, "application/json") == (answer.status_code, answer.content_type)
        assert {"error": f"{kind} {shown} not found"} == body(answer)


def test_what_is_said_back_is_bounded(service: Service) -> None:
    """However long an id is."""
    told_back = body(service.get(f"{WORKERS}/{'x' * 4000}"))["error"]

    assert f"Worker {'x' * 256}… not found" == told_back


def test_an_id_that_exists_may_hold_anything_too(service: Service) -> None:
    """Slashes, line ends, quotes, other scripts."""
    strange = 'a/b//c\r\n"é%2f?#'
    service.prometheus.found["workers"] = [told.node(strange)]

    assert strange == body(service.get(f"{WORKERS}/{quote(strange, safe='')}"))["id"]
