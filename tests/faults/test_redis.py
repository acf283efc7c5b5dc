"""Redis goes, in every way: reading, limits and jobs go on without it, and with it as before."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count, repeat
from typing import Any, Self

import pytest
import requests

from demo.processes import LOOPBACK, wait_for
from queryapi.wiring.composition import CELL
from tests.support.fake_prometheus import FakePrometheus
from tests.support.jobs_told import Jobs, load
from tests.support.killable import SECONDS
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer, redis_server
from tests.support.waiting_prometheus import answering
from tests.support.whole import some

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

STATUS = "/api/v1/realtime/status"
WORKERS = 2
TTL = 1.0
BURST = 5
READERS = 2
_REST_SECONDS = 0.1
_GPUS = 16
# No generator: it refuses a thread that asks while another one does.
_CLIENTS = map("198.18.{0[0]}.{0[1]}".format, map(divmod, count(1), repeat(250)))


@dataclass(frozen=True)
class Stand:
    """The service as it is shipped for several processes, and what it needs."""

    jobs: Jobs
    redis: RedisServer
    prometheus: FakePrometheus

    def get(self, client: str) -> requests.Response:
        """Read as a client of that address."""
        return requests.get(
            f"{self.jobs.service.url}{STATUS}",
            params={"cluster": "prod-cluster"},
            headers={"X-Forwarded-For": client},
            timeout=30,
        )

    def allowed(self) -> int:
        """Return how many of many requests are allowed to a client that nobody knows."""
        client = next(_CLIENTS)
        codes = [self.get(client).status_code for _ in range(4 * BURST)]
        assert set(codes) <= {requests.codes.ok, requests.codes.too_many_requests}
        return codes.count(requests.codes.ok)

    def wait_until_shared(self) -> None:
        """Wait until all processes count together, and the gateway listens."""

        def is_shared() -> bool:
            listening = self.redis.say("PUBSUB", "NUMSUB", "gpuscope:jobs").endswith(":1\r\n")
            return listening and self.allowed() == BURST

        wait_for(is_shared, seconds=SECONDS, what="what is shared", every=0.5)


@pytest.fixture(name="stand", scope="module")
def _stand(
    tmp_path_factory: pytest.TempPathFactory, postgresql: PostgresqlServer
) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("stand")
    with ExitStack() as stack:
        prometheus, url = stack.enter_context(answering())
        redis = stack.enter_context(redis_server(folder))
        jobs = Jobs.of(
            folder,
            postgresql.fresh(),
            workers=WORKERS,
            redis_url=redis.url,
            clusters=[{"name": "prod-cluster", "prometheus_url": url}],
            cache={"ttl": TTL, "stale": 60.0},
            limits={"per_minute": 1, "burst": BURST, "trusted_proxies": [f"{LOOPBACK}/32"]},
        )
        jobs = replace(jobs, clients=_CLIENTS)
        jobs.service.start()
        stack.callback(jobs.service.kill)
        stand = Stand(jobs, redis, prometheus)
        stand.wait_until_shared()
        yield stand


# --- ways to fail --------------------------------------------------------------------------------


@contextmanager
def _killed(redis: RedisServer) -> Iterator[None]:
    redis.kill()
    yield
    redis.start()


@contextmanager
def _frozen(redis: RedisServer) -> Iterator[None]:
    redis.freeze()
    try:
        yield
    finally:
        redis.thaw()


@contextmanager
def _full(redis: RedisServer) -> Iterator[None]:
    redis.say("CONFIG", "SET", "maxmemory", "1")
    yield
    redis.say("CONFIG", "SET", "maxmemory", "0")


@contextmanager
def _replica(redis: RedisServer) -> Iterator[None]:
    """Another one was promoted: this one takes no writes."""
    redis.say("REPLICAOF", LOOPBACK, "1")
    yield
    redis.say("REPLICAOF", "NO", "ONE")


LASTING: dict[str, Callable[[RedisServer], Any]] = {
    "killed": _killed,
    "frozen": _frozen,
    "full": _full,
    "a replica": _replica,
}


class _Readers:
    """Clients who read all the time, each request from another address."""

    def __init__(self, stand: Stand) -> None:
        self.answers = 0
        self.wrong: list[str] = []
        self._stand = stand
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._read, daemon=True) for _ in range(READERS)]

    def __enter__(self) -> Self:
        self._asked, self._began = self._stand.prometheus.count("totals"), time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(SECONDS)

    def more(self) -> None:
        """Wait until each was answered some times more."""
        goal = self.answers + 5 * READERS
        wait_for(lambda: self.answers >= goal or bool(self.wrong), seconds=SECONDS, what="answers")

    def check(self) -> None:
        """Hold answers to what is so, and questions to one a window and process."""
        assert [] == self.wrong
        # The next one opens when four fifths of one have passed.
        windows = (time.monotonic() - self._began) / (TTL * CELL) + 2
        assert self._stand.prometheus.count("totals") - self._asked <= WORKERS * windows

    def _read(self) -> None:
        while not self._over.wait(_REST_SECONDS):
            answer = self._stand.get(next(_CLIENTS))
            if not answer.ok or _gpus(answer) != _GPUS:
                self.wrong.append(answer.text)
            self.answers += 1


def _gpus(answer: requests.Response) -> Any:
    return answer.json()["data"]["current_gpu_usage"]["total_gpus"]


@pytest.mark.parametrize("way", LASTING)
def test_while_it_cannot_be_used(stand: Stand, way: str) -> None:
    """Answers are right, nobody is let in without end, jobs are told; then all is shared again."""
    with load(stand.jobs, f"{way.replace(' ', '-')}-") as loaded, _Readers(stand) as readers:
        with LASTING[way](stand.redis):
            readers.more()
            # Each process counts for itself.
            assert BURST <= stand.allowed() <= WORKERS * BURST + 1
            loaded.more()
            loaded.told()
            readers.more()
        stand.wait_until_shared()
        readers.check()
        assert 0 == loaded.ledger.refused + loaded.ledger.unanswered


def test_it_forgets_everything(stand: Stand) -> None:
    """A Redis that is empty is filled again: nobody sees it, and budgets begin anew."""
    with load(stand.jobs, "emptied-") as loaded, _Readers(stand) as readers:
        for _ in range(some(2, 5)):
            stand.redis.say("FLUSHALL")
            stand.redis.say("SCRIPT", "FLUSH")
            # On a busy machine one may be late for once: then a process counts for itself.
            stand.wait_until_shared()
            readers.more()
        readers.check()
        loaded.told()
        assert 0 == loaded.ledger.refused + loaded.ledger.unanswered
