"""PostgreSQL goes, in every way: what was acknowledged is stored once, the rest is sent again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import psycopg
import pytest
import requests

from demo.processes import wait_for
from tests.support.jobs_told import Jobs, load
from tests.support.killable import SECONDS
from tests.support.postgresql import CONNECTIONS, PostgresqlServer, postgresql_server
from tests.support.redis import redis_server
from tests.support.relay import Fault, Relay

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

_CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'"
_POOL = {"region": "r", "provider": "p", "nodeTypes": [{"type": "t", "count": 1}]}


@dataclass(frozen=True)
class Stand:
    """The service as it is shipped for several processes, and its PostgreSQL behind a relay."""

    jobs: Jobs
    server: PostgresqlServer
    relay: Relay

    def setting(self, name: str, value: str) -> None:
        """Change how the server runs, at once."""
        self.server.say(f"ALTER SYSTEM SET {name} = {value}")
        self.server.say("SELECT pg_reload_conf()")


@pytest.fixture(name="stand", scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("stand")
    with ExitStack() as stack:
        server = stack.enter_context(postgresql_server())
        # What it holds is of no use: a decent end would write all of it out.
        stack.callback(server.kill)
        relay = stack.enter_context(Relay(server.port))
        redis = stack.enter_context(redis_server(folder))
        database = server.fresh().replace(f":{server.port}/", f":{relay.port}/")
        jobs = Jobs.of(folder, database, workers=2, redis_url=redis.url)
        jobs.service.start()
        stack.callback(jobs.service.kill)
        yield Stand(jobs, server, relay)


# --- ways to fail --------------------------------------------------------------------------------


@contextmanager
def _restarted(stand: Stand) -> Iterator[None]:
    """As an administrator does it: sessions are ended, then the server."""
    stand.server.stop()
    yield
    stand.server.start()


@contextmanager
def _killed(stand: Stand) -> Iterator[None]:
    stand.server.kill()
    yield
    stand.server.start()


@contextmanager
def _frozen(stand: Stand) -> Iterator[None]:
    stand.server.freeze()
    try:
        yield
    finally:
        stand.server.thaw()


@contextmanager
def _silent(stand: Stand) -> Iterator[None]:
    """The network takes everything and brings nothing, in the middle of transactions."""
    stand.relay.fault = Fault.HELD
    try:
        yield
    finally:
        stand.relay.fault = Fault.NONE


@contextmanager
def _read_only(stand: Stand) -> Iterator[None]:
    stand.setting("default_transaction_read_only", "on")
    try:
        yield
    finally:
        stand.setting("default_transaction_read_only", "off")


@contextmanager
def _crowded(stand: Stand) -> Iterator[None]:
    """Others have all of its connections, and ours are cut: none is left for us."""
    with ExitStack() as crowd:
        first = crowd.enter_context(_held(stand.server))
        held = 1
        while held < CONNECTIONS:
            try:
                crowd.enter_context(_held(stand.server))
                held += 1
            except psycopg.OperationalError:
                first.execute(_CUT)
        yield


def _held(server: PostgresqlServer) -> psycopg.Connection[Any]:
    url = server.url("postgres").replace("+psycopg", "")
    return psycopg.connect(url, autocommit=True, connect_timeout=5)


LASTING: dict[str, Callable[[Stand], Any]] = {
    "restarted": _restarted,
    "killed": _killed,
    "frozen": _frozen,
    "silent": _silent,
    "read-only": _read_only,
    "crowded": _crowded,
}


# --- what is told --------------------------------------------------------------------------------


def _refused(stand: Stand) -> None:
    """A change of a pool is refused in the words of its document, and says when to come again."""
    answer = requests.post(f"{stand.jobs.service.url}/api/pools", json=_draft("x"), timeout=30)

    assert HTTPStatus.SERVICE_UNAVAILABLE == answer.status_code, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert {"error", "message"} == answer.json().keys()
    assert "database" in answer.json()["message"]


def _draft(name: str) -> dict[str, Any]:
    return {"name": name, **_POOL}


def _stored(stand: Stand, name: str) -> bool:
    answer = requests.post(f"{stand.jobs.service.url}/api/pools", json=_draft(name), timeout=30)
    assert answer.status_code in {HTTPStatus.CREATED, HTTPStatus.SERVICE_UNAVAILABLE}, answer.text
    return answer.status_code == HTTPStatus.CREATED


@pytest.mark.parametrize("way", LASTING)
def test_while_it_cannot_store(stand: Stand, way: str) -> None:
    """Reports and changes get 503 until it can, none is lost or twice, followers miss nothing."""
    with load(stand.jobs, f"{way}-") as loaded:
        with LASTING[way](stand):
            loaded.refused()
            _refused(stand)
        wait_for(lambda: _stored(stand, way), seconds=SECONDS, what="a pool")
        loaded.more()
        loaded.told()
    pools = [pool["name"] for pool in stand.jobs.service.told()["pools"]]
    assert 1 == pools.count(way)
    assert "x" not in pools


def _cut_by_the_server(stand: Stand) -> None:
    stand.server.say(_CUT)


def _cut_on_the_way(stand: Stand) -> None:
    stand.relay.cut()


CUTTING = {"by the server": _cut_by_the_server, "on the way": _cut_on_the_way}


@pytest.mark.parametrize("way", CUTTING)
def test_connections_are_cut(stand: Stand, way: str) -> None:
    """Again and again in the middle of transactions: nobody loses anything, and it goes on."""
    with load(stand.jobs, f"cut-{len(way)}-") as loaded:
        for _ in range(5):
            CUTTING[way](stand)
            loaded.more(8)
        loaded.told()
