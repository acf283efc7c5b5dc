"""Whatever is wrong with a request about pools, its answer says what."""

from collections.abc import Iterator
from typing import Any

import pytest

from queryapi.settings import Limits
from tests.support.pool_series import H100
from tests.support.pooled import POOLS, bad, created, pooled, sent
from tests.support.pools import WHOLE
from tests.support.query_service import Service, body

_MISSING = {"error": "Not Found", "message": "The requested resource was not found"}


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with pooled(tmp_path_factory.mktemp("pools"), limits=Limits(per_minute=0)) as service:
        created(service)
        yield service


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ("the body must be a JSON object", []),
        ("name is required", {"name": ...}),
        ("name must not be blank", {"name": " "}),
        ("region is required", {"region": ...}),
        ("provider is required", {"provider": ...}),
        ("nodeTypes must not be empty", {"nodeTypes": []}),
        ("nodeTypes[0].type is required", {"nodeTypes": [{"count": 1}]}),
        (
            "nodeTypes[0].count must be a positive integer",
            {"nodeTypes": [{"type": "a", "count": 0}]},
        ),
        (
            "nodeTypes[0].count must be a positive integer",
            {"nodeTypes": [{"type": "a", "count": True}]},
        ),
        ("tags[0] must be a string", {"tags": [1]}),
        ("description must be at most 1024 characters long", {"description": "x" * 1025}),
        ("status is read-only", {"status": "active"}),
        ('"nmae" is unknown: did you mean name?', {"nmae": "a"}),
    ],
)
def test_a_wrong_pool_is_refused_in_the_documents_words(
    service: Service, details: str, told: Any
) -> None:
    """`details` says what is wrong, and nothing is created."""
    whole = (
        {name: value for name, value in (dict(WHOLE) | told).items() if value is not ...}
        if isinstance(told, dict)
        else told
    )
    answer = sent(service, "POST", POOLS, whole)

    assert (400, bad(details)) == (answer.status_code, body(answer))
    # That of the one pool that there is.
    assert 1 == len(body(service.get(f"{POOLS}/activity"))["activities"])


@pytest.mark.parametrize(
    ("status", "details", "kind", "data"),
    [
        (400, "the body ends too early: it is no whole JSON value", "application/json", b'{"name"'),
        (400, "NaN is no number in JSON", "application/json; charset=utf-8", b'{"gpus": NaN}'),
        (400, "the body is nested too deeply", "application/json", b'{"a":' * 99_999),
        (400, "the body is empty: it must be a JSON object", "application/json", b""),
        (415, "Content-Type must be application/json", "text/plain", b"{}"),
        (415, "Content-Type must be application/json", None, b"{}"),
        (413, "Request body too large", "application/json", b" " * (1024 * 1024 + 1)),
        (413, "Request body too large", "application/json", b" " * (10 * 1024 * 1024)),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", POOLS), ("PUT", f"{POOLS}/pool-1")])
def test_what_is_no_json_is_refused(
    service: Service, method: str, path: str, status: int, details: str, kind: str, data: bytes
) -> None:
    """Before it is looked at whether there is such a pool."""
    answer = service.http.open(path, method=method, data=data, content_type=kind)
    told = body(answer)

    assert (status, details) == (answer.status_code, told.get("details", told["message"]))


@pytest.mark.parametrize("length", [1024 * 1024 + 1, 2 * 1024 * 1024, 10 * 1024 * 1024])
def test_a_body_in_chunks_has_the_same_bound(service: Service, length: int) -> None:
    """No more of it is read than may be there, and the rest is not taken for nothing."""
    answer = service.http.post(
        POOLS,
        headers={"Transfer-Encoding": "chunked", "Content-Type": "application/json"},
        environ_overrides={"wsgi.input": _Stream(length), "wsgi.input_terminated": True},
    )

    assert (413, "Request Entity Too Large") == (answer.status_code, body(answer)["error"])


class _Stream:
    """An empty object and so much space, read only as far as somebody wants it."""

    def __init__(self, length: int) -> None:
        self._left = length
        self._begun = False

    def read(self, size: int = -1) -> bytes:
        """Return at most *size* of it."""
        taken = self._left if size < 0 else min(size, self._left)
        self._left -= taken
        begun, self._begun = self._begun, True
        return b" " * taken if begun else b"{}".ljust(taken)


class _Broken(_Stream):
    """What a server offers of a body whose chunks cannot be read."""

    def read(self, size: int = -1) -> bytes:
        """Fail as the server's reader does."""
        raise OSError(size)


def test_a_body_may_be_as_long_as_the_bound(service: Service) -> None:
    """With a length or in chunks: what is wrong with it is then another thing."""
    for more in (
        {"data": b"{}".ljust(1024 * 1024)},
        {"environ_overrides": {"wsgi.input": _Stream(1024 * 1024), "wsgi.input_terminated": True}},
    ):
        answer = service.http.post(POOLS, content_type="application/json", **more)

        assert (400, "name is required") == (
            answer.status_code, body(answer)["details"].partition(";")[0],
        )  # fmt: skip


def test_a_body_that_cannot_be_read_is_the_clients_fault(service: Service) -> None:
    """Broken chunks are no defect of the service."""
    answer = service.http.post(
        POOLS,
        headers={"Transfer-Encoding": "chunked", "Content-Type": "application/json"},
        environ_overrides={"wsgi.input": _Broken(1), "wsgi.input_terminated": True},
    )

    assert (400, bad("the body could not be read to its end")) == (
        answer.status_code, body(answer),
    )  # fmt: skip


@pytest.mark.parametrize(
    "id_",
    [
        "nothing", "pool-01", "POOL-1", "pool-1%20", "pool-1%0a", "%00", "..", "..%2f", "%2e%2e%2f",
        "..%2factivity", "%2fpool-1", "activity%00", "activity%2f", "Activity", "label.x", "d:a100",
        "c:a100", "'%20OR%201=1--", "%ff%fe", "%ed%a0%80", "%F0%9F%98%80", "pool-1;x", "pool-1%3fx",
        "{pool_id}", "*", "x" * 10_000, "%41" * 3_000,
    ],
)  # fmt: skip
def test_strange_ids_name_nothing(service: Service, id_: str) -> None:
    """Whatever is in a path, there is no such pool, and nobody else's page either."""
    for method, path in (
        ("GET", f"{POOLS}/{id_}"), ("PUT", f"{POOLS}/{id_}"), ("DELETE", f"{POOLS}/{id_}"),
        ("GET", f"{POOLS}/{id_}/capacity"), ("GET", f"{POOLS}/{id_}/history"),
    ):  # fmt: skip
        if id_ in {"activity%2f", "..%2factivity"} and not path.endswith(id_):
            continue
        answer = sent(service, method, path, {})
        expected = 405 if id_ == "activity%2f" and method != "GET" else 404
        if id_ == "activity%2f" and method == "GET":
            # A trailing slash is welcome, and %2F is one.
            expected = 200
        assert expected == answer.status_code, (method, path, answer.text)
        assert expected != 404 or body(answer) == _MISSING
    assert 200 == service.get(f"{POOLS}/pool-1").status_code


def test_activity_is_no_pool(service: Service) -> None:
    """It is what happened; nothing else can be done to it."""
    answer = sent(service, "PUT", f"{POOLS}/activity", {"name": "a"})

    assert (405, "GET, HEAD, OPTIONS") == (answer.status_code, answer.headers["Allow"])
    assert {"error": "Method Not Allowed", "message": "Method not allowed"} == body(answer)


@pytest.mark.parametrize(
    ("details", "query"),
    [
        ("limit must be a whole number from 1 to 1000", "limit=0"),
        ("limit must be a whole number from 1 to 1000", "limit=1001"),
        ("limit must be a whole number from 1 to 1000", "limit="),
        ("limit must be a whole number from 1 to 1000", "limit=-1"),
        ("limit must be a whole number from 1 to 1000", "limit=1e2"),
        ("limit must be a whole number from 1 to 1000", "limit=%D9%A1"),
        ("limit must be a whole number from 1 to 1000", f"limit={'9' * 5000}"),
        ("before must be the id of an activity, such as act-1001", "before=7"),
        ("before must be the id of an activity, such as act-1001", "before=act-0"),
        ("before must be the id of an activity, such as act-1001", f"before=act-{'9' * 19}"),
        ("before must be the id of an activity, such as act-1001", "before=act-1%0a"),
        ("Invalid parameter: poolId is longer than 253 characters", f"poolId={'x' * 254}"),
    ],
)
def test_a_question_about_activities_is_understood_or_refused(
    service: Service, details: str, query: str
) -> None:
    """With what it must be."""
    answer = service.get(f"{POOLS}/activity?{query}")

    assert (400, bad(details)) == (answer.status_code, body(answer))


@pytest.mark.parametrize(
    ("details", "query"),
    [
        ("gpus must be a whole number from 1 to 1024", "capacity?gpus=0"),
        ("gpus must be a whole number from 1 to 1024", "capacity?gpus=1025"),
        ("gpus must be a whole number from 1 to 1024", "capacity?gpus=8.0"),
        (
            "range must be a whole number followed by s, m, h or d, such as 90s or 24h",
            "history?range=24",
        ),
        (
            "step must be a whole number followed by s, m, h or d, such as 90s or 24h",
            "history?step=1w",
        ),
        ("range must be from 15s to 31d", "history?range=99999d"),
        ("step must be from 15s to the range, 3600s", "history?range=1h&step=2h"),
        (
            "range and step must give at most 2000 points, these give 5761: a step of 44s does",
            "history?range=1d&step=15s",
        ),
    ],
)
def test_a_planners_question_is_understood_or_refused(
    service: Service, details: str, query: str
) -> None:
    """With what it must be."""
    answer = service.get(f"{POOLS}/{H100}/{query}")

    assert (400, bad(details)) == (answer.status_code, body(answer))
