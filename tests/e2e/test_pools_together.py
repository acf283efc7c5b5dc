"""Two query services that write the same pools at once: nothing is lost, and all of it is told."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import requests

from tests.support.killable import Service
from tests.support.pool_writers import activities
from tests.support.postgresql import PostgresqlServer
from tests.support.whole import some

pytestmark = pytest.mark.e2e

WRITERS, ROUNDS, POOLS = 4, some(6, 15), 3
FIELDS = ("name", "description", "tags")
DRAFT = {"name": "n", "region": "r", "provider": "p", "nodeTypes": [{"type": "t", "count": 1}]}


@dataclass(frozen=True)
class Two:
    """Two services on one database."""

    urls: tuple[str, str]

    def ask(self, number: int, method: str, path: str = "", **options: Any) -> requests.Response:
        """Send one request to one of them, in turn."""
        url = self.urls[number % len(self.urls)]
        return requests.request(method, f"{url}/api/pools{path}", timeout=60, **options)

    def version(self, id_: str) -> int:
        """Return the version of a pool that its entity tag tells."""
        [tag] = {self.ask(number, "GET", f"/{id_}").headers["ETag"] for number in range(2)}
        return int(tag.strip('"').split(".")[0])


@pytest.fixture(name="two", scope="module")
def _two(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgresqlServer) -> Iterator[Two]:
    with ExitStack() as cleanup:
        database = postgresql.fresh()
        services = [Service(tmp_path_factory.mktemp("service"), database) for _ in range(2)]
        for service in services:
            service.start()
            cleanup.callback(service.process.stop)
        yield Two((services[0].url, services[1].url))


def _at_once(count: int, act: Callable[[int], None]) -> None:
    """Let *count* threads act at once, each with its number; the first failure fails the test."""
    failures: list[BaseException] = []
    begin = threading.Barrier(count, timeout=60)

    def guarded(number: int) -> None:
        begin.wait()
        try:
            act(number)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _made(two: Two) -> str:
    return str(two.ask(0, "POST", json=DRAFT).json()["id"])


def test_every_change_is_made_and_told(two: Two) -> None:
    """Each PUT that was answered is one version and one activity, and none undoes another's field.

    Of every field the activities are a chain: each begins with what the one before left, and the
    last one's value is the pool's.
    """
    ids = [_made(two) for _ in range(POOLS)]
    first = {id_: two.version(id_) for id_ in ids}

    def write(number: int) -> None:
        for turn in range(ROUNDS):
            value = f"{number}-{turn}"
            what = FIELDS[(number + turn) % len(FIELDS)]
            body = {what: [value] if what == "tags" else value}
            answer = two.ask(number, "PUT", f"/{ids[turn % POOLS]}", json=body)
            assert 200 == answer.status_code, answer.text

    _at_once(WRITERS, write)
    log = [each for each in activities(two.urls[1]) if each["action"] == "configuration-changed"]

    assert WRITERS * ROUNDS == len([each for each in log if each["poolId"] in ids])
    for id_ in ids:
        own = [each for each in log if each["poolId"] == id_]
        pool = two.ask(0, "GET", f"/{id_}").json()

        assert first[id_] + len(own) == two.version(id_)
        for field in FIELDS:
            chain = [it for each in own for it in each["changes"] if it["field"] == field]
            assert all(one["to"] == other["from"] for one, other in pairwise(chain))
            assert chain[-1]["to"] == (pool[field][0] if field == "tags" else pool[field])


def test_of_many_who_have_read_the_same_version_one_writes(two: Two) -> None:
    """With `If-Match`, one PUT of twenty is made; the others are told that it has changed."""
    id_ = _made(two)
    tag = two.ask(0, "GET", f"/{id_}").headers["ETag"]
    seen: Counter[int] = Counter()

    def write(number: int) -> None:
        headers = {"If-Match": tag}
        answer = two.ask(number, "PUT", f"/{id_}", json={"name": f"w{number}"}, headers=headers)
        seen[answer.status_code] += 1

    _at_once(20, write)

    assert {200: 1, 412: 19} == dict(seen)


def test_new_pools_have_ids_of_their_own(two: Two) -> None:
    """Pools that are created at once have different ids, one after the other."""
    made: list[str] = []
    _at_once(12, lambda number: made.append(two.ask(number, "POST", json=DRAFT).json()["id"]))
    numbers = sorted(int(id_.removeprefix("pool-")) for id_ in made)

    assert list(range(numbers[0], numbers[0] + 12)) == numbers


def test_one_key_is_one_pool(two: Two) -> None:
    """A request that is sent to both at once, many times, makes one pool and has one answer."""
    answers: list[tuple[int, bytes]] = []

    def create(number: int) -> None:
        answer = two.ask(number, "POST", json=DRAFT, headers={"Idempotency-Key": "once"})
        answers.append((answer.status_code, answer.content))

    _at_once(10, create)
    [(status, _)] = set(answers)

    assert 201 == status


def test_a_pool_is_deleted_once(two: Two) -> None:
    """Of many who delete it one is told that it is gone, the others that it is not there."""
    id_ = _made(two)
    seen: Counter[int] = Counter()

    def delete(number: int) -> None:
        seen[two.ask(number, "DELETE", f"/{id_}").status_code] += 1

    _at_once(8, delete)
    told = [each["action"] for each in activities(two.urls[0], poolId=id_)]

    assert {200: 1, 404: 7} == dict(seen)
    assert ["pool-created", "pool-deleted"] == told


def test_what_one_writes_the_other_tells_at_once(two: Two) -> None:
    """No answer after a write is from before it, whichever of them is asked."""
    id_ = _made(two)
    for turn in range(some(8, 20)):
        two.ask(turn, "PUT", f"/{id_}", json={"name": f"turn {turn}"})
        listed = {pool["id"]: pool["name"] for pool in two.ask(turn + 1, "GET").json()["pools"]}

        assert f"turn {turn}" == two.ask(turn + 1, "GET", f"/{id_}").json()["name"] == listed[id_]
