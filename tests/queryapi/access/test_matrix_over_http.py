"""Who is let through where, asked over HTTP: the whole application holds to the matrix."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path

import msgspec
import pytest
import requests

from demo.processes import LOOPBACK
from queryapi.api.endpoints import Endpoint
from queryapi.front.admission import TO_READ
from queryapi.settings import Auth, Limits, Role
from tests.support import pools, waiting_prometheus
from tests.support.access import issue
from tests.support.access_matrix import (
    ANONYMOUS,
    CALLERS,
    Caller,
    Configuration,
    Row,
    expected,
    rows,
)
from tests.support.api_process import Api, api
from tests.support.query_service import Service, running
from tests.support.stored import prepared
from tests.support.whole import WHOLE

Tokens = Mapping[Caller, str | None]

_ROWS = list(rows())
# Asked for where a route needs one; what it then answers is its own affair.
_QUERY = "?cluster=c"
# What the routes' samples are about is there before anybody asks: no row needs another.
_TOLD_OF: Mapping[str, object] = {
    "/api/pools": dict(pools.WHOLE),
    "/api/jobs/job-42/progress": {"progress": 1},
}


def _issued(path: Path) -> Tokens:
    """Return what each caller of the matrix sends; the right tokens are in the file at *path*."""
    roles: Tokens = {caller: issue(path, Role(caller)) for caller in CALLERS[3:]}
    return {
        "nobody": None,
        "wrong": f"gpuscope_{'0' * 12}_{'0' * 64}",
        "expired": issue(path, Role.ADMIN, expires=1),
        **roles,
    }


def _headers(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


@contextmanager
def _services(folder: Path) -> Iterator[tuple[Mapping[Configuration, Service], Tokens]]:
    path = folder / "tokens.json"
    tokens = _issued(path)
    with ExitStack() as stack:
        made: dict[Configuration, Service] = {
            name: stack.enter_context(
                running(
                    auth=Auth(
                        tokens_file=None if name == "open" else str(path),
                        anonymous=anonymous,
                    ),
                    limits=Limits(per_minute=0),
                    database_url=f"sqlite:///{folder / name}.db",
                )
            )
            for name, anonymous in ANONYMOUS.items()
        }
        for service in made.values():
            for url, told in _TOLD_OF.items():
                assert _met(service, "POST", url, tokens["admin"], told) in (200, 201)
        yield made, tokens


@pytest.fixture(name="services", scope="module")
def _made(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Mapping[Configuration, Service], Tokens]]:
    with _services(tmp_path_factory.mktemp("matrix")) as made:
        yield made


def _met(service: Service, method: str, path: str, token: str | None, body: object = None) -> int:
    return service.http.open(path, method=method, headers=_headers(token), json=body).status_code


def _body(endpoint: Endpoint) -> object:
    return None if endpoint.taken is None else msgspec.to_builtins(endpoint.taken)


def _path(endpoint: Endpoint) -> str:
    # What is deleted is deleted once: all but one would meet nothing.
    return endpoint.sample + ("-nothing" if endpoint.method == "DELETE" else "")


def _expected(row: Row) -> int:
    if row.expected != 200:
        return row.expected
    return 404 if row.endpoint.method == "DELETE" else row.endpoint.success


def _ways(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Yield methods and paths: each method, each way to write a path, each once it is ready."""
    sample = _path(endpoint)
    methods = ["GET", "HEAD"] if endpoint.method == "GET" else [endpoint.method]
    if WHOLE:
        return product(methods, (sample, f"{sample}/", sample))
    return iter([(methods[0], sample), (methods[-1], f"{sample}/"), (methods[0], sample)])


def _rows_of(configuration: Configuration, caller: Caller) -> list[Row]:
    return [row for row in _ROWS if (row.configuration, row.caller) == (configuration, caller)]


def _verdict(ask: Callable[[], int], patience: float = 60) -> int:
    """Return the status that is met; 503 is a machine that stalls: nobody's verdict on anybody."""
    until = time.monotonic() + patience
    while (status := ask()) == 503 and time.monotonic() < until:
        time.sleep(0.5)
    return status


_ALL = pytest.mark.parametrize(("configuration", "caller"), list(product(ANONYMOUS, CALLERS)))


@_ALL
def test_every_route_lets_in_whom_the_matrix_says(
    services: tuple[Mapping[Configuration, Service], Tokens],
    configuration: Configuration,
    caller: Caller,
) -> None:
    """By every method it answers to, however its path is written, ready answer or not."""
    service, token = services[0][configuration], services[1][caller]

    def met(row: Row, method: str, path: str) -> int:
        body = _body(row.endpoint)
        return _verdict(lambda: _met(service, method, f"{path}{_QUERY}", token, body))

    rows = _rows_of(configuration, caller)
    found = {str(row): {met(row, *way) for way in _ways(row.endpoint)} for row in rows}

    assert {str(row): {_expected(row)} for row in rows} == found


@_ALL
def test_whom_the_matrix_refuses_learns_nothing_by_other_methods(
    services: tuple[Mapping[Configuration, Service], Tokens],
    configuration: Configuration,
    caller: Caller,
) -> None:
    """Not even that there is no such method: 405 is for those who may read."""
    service, token = services[0][configuration], services[1][caller]
    rows = [row for row in _rows_of(configuration, caller) if row.endpoint.api is not None]
    reads = {str(row): expected(configuration, caller, row.endpoint.api, TO_READ) for row in rows}

    assert {name: 405 if status == 200 else status for name, status in reads.items()} == {
        str(row): _met(service, "PATCH", row.endpoint.sample, token) for row in rows
    }


@pytest.fixture(name="process", scope="module")
def _process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Tokens, Path]]:
    folder = tmp_path_factory.mktemp("api")
    tokens = _issued(folder / "tokens.json")
    auth = {"tokens_file": str(folder / "tokens.json")}
    settings = {
        "auth": auth,
        "database_url": prepared(folder),
        "timeouts": {"connect": 30, "query": 30, "request": 30},
    }
    with waiting_prometheus.answering() as (_, url), api(folder, url, settings) as service:
        for path, told in _TOLD_OF.items():
            made = requests.post(
                f"{service.urls[0]}{path}",
                json=told,
                headers=_headers(tokens["admin"]),
                timeout=60,
            )
            assert made.status_code in (200, 201), made.text
        yield service, tokens, folder


@pytest.mark.e2e
@pytest.mark.parametrize("caller", CALLERS)
def test_the_process_holds_to_the_matrix_too(
    process: tuple[Api, Tokens, Path], caller: Caller
) -> None:
    """As installed: gunicorn in front, over a socket."""
    service, tokens, _ = process
    rows = _rows_of("closed", caller)
    with requests.Session() as session:
        session.headers.update(_headers(tokens[caller]))

        def met(row: Row) -> int:
            url = f"{service.urls[0]}{_path(row.endpoint)}?cluster=prod-cluster"
            body, method = _body(row.endpoint), row.endpoint.method
            return _verdict(lambda: session.request(method, url, json=body, timeout=60).status_code)

        assert {str(row): _expected(row) for row in rows} == {str(row): met(row) for row in rows}


@pytest.mark.e2e
def test_no_token_is_told_to_anybody(process: tuple[Api, Tokens, Path]) -> None:
    """Good or wrong, in a header or where it does not belong: no answer and no line holds it."""
    service, tokens, folder = process
    sent = [token for token in tokens.values() if token is not None]
    told = []
    for token in sent:
        for path in ("/api/v1/realtime/status?cluster=prod-cluster", "/readyz", "/metrics"):
            answer = requests.get(service.urls[0] + path, headers=_headers(token), timeout=60)
            told.append(f"{answer.headers}{answer.text}")
    log = (folder / "api.log").read_text()

    assert not [token for token in sent if any(token in text for text in [log, *told])]
    assert LOOPBACK in log
