"""Who is let through where, asked over HTTP: the whole application holds to the matrix."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import pytest
import requests

from demo.processes import LOOPBACK
from queryapi.api.endpoints import Endpoint
from queryapi.front.admission import TO_READ
from queryapi.settings import Auth, Limits, Role
from tests.support import waiting_prometheus
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
from tests.support.pools import WHOLE
from tests.support.query_service import Service, running
from tests.support.stored import prepared

Tokens = Mapping[Caller, str | None]

_ROWS = list(rows())
# Asked for where a route needs one; what it then answers is its own affair.
_QUERY = "?cluster=c"


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
            assert 201 == _met(service, "POST", "/api/pools", tokens["admin"], dict(WHOLE))
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


def _methods(endpoint: Endpoint) -> list[str]:
    return ["GET", "HEAD"] if endpoint.method == "GET" else [endpoint.method]


@pytest.mark.parametrize("row", _ROWS, ids=str)
def test_every_route_lets_in_whom_the_matrix_says(
    services: tuple[Mapping[Configuration, Service], Tokens], row: Row
) -> None:
    """By every method it answers to, however its path is written, ready answer or not."""
    made, tokens = services
    service, token = made[row.configuration], tokens[row.caller]
    sample = _path(row.endpoint)
    found = {
        _met(service, method, f"{path}{_QUERY}", token, _body(row.endpoint))
        for method in _methods(row.endpoint)
        for path in (sample, f"{sample}/", sample)
    }

    assert {_expected(row)} == found


@pytest.mark.parametrize("row", [row for row in _ROWS if row.endpoint.api is not None], ids=str)
def test_whom_the_matrix_refuses_learns_nothing_by_other_methods(
    services: tuple[Mapping[Configuration, Service], Tokens], row: Row
) -> None:
    """Not even that there is no such method: 405 is for those who may read."""
    made, tokens = services
    found = _met(made[row.configuration], "PATCH", row.endpoint.sample, tokens[row.caller])
    reads = expected(row.configuration, row.caller, row.endpoint.api, TO_READ)

    assert (405 if reads == 200 else reads) == found


@pytest.fixture(name="process", scope="module")
def _process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Tokens, Path]]:
    folder = tmp_path_factory.mktemp("api")
    tokens = _issued(folder / "tokens.json")
    auth = {"tokens_file": str(folder / "tokens.json")}
    settings = {"auth": auth, "database_url": prepared(folder)}
    with waiting_prometheus.answering() as (_, url), api(folder, url, settings) as service:
        pool = requests.post(
            f"{service.urls[0]}/api/pools",
            json=dict(WHOLE),
            headers=_headers(tokens["admin"]),
            timeout=20,
        )
        assert 201 == pool.status_code, pool.text
        yield service, tokens, folder


_CLOSED = [row for row in _ROWS if row.configuration == "closed"]


@pytest.mark.e2e
@pytest.mark.parametrize("row", _CLOSED, ids=str)
def test_the_process_holds_to_the_matrix_too(process: tuple[Api, Tokens, Path], row: Row) -> None:
    """As installed: gunicorn in front, over a socket."""
    service, tokens, _ = process
    answer = requests.request(
        row.endpoint.method,
        f"{service.urls[0]}{_path(row.endpoint)}?cluster=prod-cluster",
        json=_body(row.endpoint),
        headers=_headers(tokens[row.caller]),
        timeout=20,
    )

    assert _expected(row) == answer.status_code


@pytest.mark.e2e
def test_no_token_is_told_to_anybody(process: tuple[Api, Tokens, Path]) -> None:
    """Good or wrong, in a header or where it does not belong: no answer and no line holds it."""
    service, tokens, folder = process
    sent = [token for token in tokens.values() if token is not None]
    told = []
    for token in sent:
        for path in ("/api/v1/realtime/status?cluster=prod-cluster", "/readyz", "/metrics"):
            answer = requests.get(service.urls[0] + path, headers=_headers(token), timeout=20)
            told.append(f"{answer.headers}{answer.text}")
    log = (folder / "api.log").read_text()

    assert not [token for token in sent if any(token in text for text in [log, *told])]
    assert LOOPBACK in log
