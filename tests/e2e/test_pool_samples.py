"""The examples of the compute pools' document, as they are written there, against the stack."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from demo import stack
from demo.processes import LOOPBACK, free_port, wait_for
from queryapi.settings import Role
from queryapi.storage import pools as storage
from tests.support.access import issue
from tests.support.shape import misshapen
from tests.support.stack import (
    LIMITS,
    NO_STREAM,
    READY_SECONDS,
    RunningStack,
    running_stack,
)
from tests.support.stored import POOL, prepared, stored

pytestmark = pytest.mark.e2e

GPUS = 300
SAMPLES = Path(__file__).parent.parent / "samples"
# A pool that no node belongs to is active soon, as the document's answer to PUT says.
SOON = {"pools": {"ttl": 0.5, "observe": 1, "settle": 0, "activate_after": 0}}
BEFORE = 6
"""The document's POST makes pool-7: six are there before it."""


def _examples() -> dict[str, Any]:
    """Return the document's bodies by title, without the remarks that make them no JSON."""
    found = {}
    for text in (SAMPLES / "pools_api.txt").read_text().split("\n\n"):
        title, _, body = text.partition("\n")
        found[title] = json.loads(re.sub(r",\s*// Additional .*", "", body))
    return found


EXAMPLES = _examples()


@dataclass(frozen=True)
class Client:
    """The document's requests at one base URL."""

    url: str

    def ask(self, method: str, path: str = "", **options: Any) -> requests.Response:
        """Send one request below /api/pools."""
        return requests.request(method, f"{self.url}/api/pools{path}", timeout=20, **options)

    def told(self, path: str = "", **query: str) -> Any:
        """Return an answer's content; fails the test unless it is a success."""
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == requests.codes.ok, answer.text
        return answer.json()


@dataclass(frozen=True)
class Guarded:
    """A service that asks for tokens."""

    client: Client
    viewer: str
    admin: str

    def headers(self, who: str) -> dict[str, str]:
        """Return what somebody sends."""
        tokens = {"viewer": self.viewer, "admin": self.admin, "wrong": "wrong"}
        return {"Authorization": f"Bearer {tokens[who]}"} if who in tokens else {}


@pytest.fixture(name="running", scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("pools")
    settings = {**SOON, "database_url": prepared(folder)}
    with running_stack(folder, "living", hosts=True, settings=settings) as whole:
        whole.wait_for_totals(GPUS)
        yield whole


@pytest.fixture(name="pools", scope="module")
def _pools(running: RunningStack) -> Client:
    client = Client(running.api_url)
    draft = EXAMPLES["POST /api/pools request"]
    made = [client.ask("POST", json={**draft, "name": f"Pool {n}"}) for n in range(BEFORE)]
    assert [f"pool-{number + 1}" for number in range(BEFORE)] == [it.json()["id"] for it in made]
    return client


def _documented(example: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return what the document knows of an answer; ours says more."""
    return {key: answer[key] for key in example}


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def test_create_update_delete(pools: Client) -> None:
    """The document's three writes, one after the other, have its answers word for word.

    Of the examples only the day of creation is another.
    """
    created, updated, gone = (
        EXAMPLES[title]
        for title in ("POST /api/pools", "PUT /api/pools/{poolId}", "DELETE /api/pools/{poolId}")
    )
    first_day = _today()
    answer = pools.ask("POST", json=EXAMPLES["POST /api/pools request"])
    days = {first_day, _today()}

    assert 201 == answer.status_code
    assert "/api/pools/pool-7" == answer.headers["Location"]
    assert answer.json()["createdAt"] in days
    assert {**created, "createdAt": answer.json()["createdAt"]} == _documented(
        created, answer.json()
    )

    wait_for(
        lambda: pools.told("/pool-7")["status"] == "active",
        seconds=READY_SECONDS,
        what="a status that was looked at",
    )
    answer = pools.ask("PUT", "/pool-7", json=EXAMPLES["PUT /api/pools/{poolId} request"])

    assert 200 == answer.status_code
    assert {**updated, "createdAt": answer.json()["createdAt"]} == _documented(
        updated, answer.json()
    )

    answer = pools.ask("DELETE", "/pool-7")

    assert (200, gone) == (answer.status_code, answer.json())
    for method in ("GET", "DELETE"):
        answer = pools.ask(method, "/pool-7")
        assert (404, EXAMPLES["404"]) == (answer.status_code, answer.json())


@pytest.mark.parametrize("path", ["", "/pool-1"])
def test_pools_look_as_documented(pools: Client, path: str) -> None:
    """Each pool has the document's members with its types; whatever else there is, is more."""
    example = EXAMPLES["GET /api/pools/{poolId}"]
    told = pools.told(path)
    found = [told] if path else told["pools"]

    assert len(found) >= (1 if path else BEFORE)
    assert {} == {
        pool["id"]: wrong
        for pool in found
        if (wrong := misshapen(_measured(example), _measured(_documented(example, pool))))
    }


def _measured(pool: dict[str, Any]) -> dict[str, Any]:
    """Return the pool with its percentages as floats: 0 is a number as 78.5 is."""
    return {
        name: float(value) if name.endswith("Utilization") else value
        for name, value in pool.items()
    }


def test_the_summary_is_of_what_is_listed(pools: Client) -> None:
    """Its four numbers are the document's, and those of the pools below it."""
    told = pools.told()
    listed, summary = told["pools"], told["summary"]

    assert EXAMPLES["GET /api/pools"]["summary"].keys() == summary.keys()
    assert {
        "totalPools": len(listed),
        "activePools": len([pool for pool in listed if pool["status"] == "active"]),
        "totalNodes": sum(pool["nodeCount"] for pool in listed),
        "totalCapacity": sum(pool["gpus"] for pool in listed),
    } == summary


@pytest.mark.parametrize("query", [{}, {"poolId": "pool-1"}])
def test_activities_look_as_documented(pools: Client, query: dict[str, str]) -> None:
    """Each has the document's members, newest first; with `poolId` only that pool's are told."""
    [example] = EXAMPLES["GET /api/pools/activity"]["activities"]
    found = pools.told("/activity", **query)["activities"]
    times = [each["timestamp"] for each in found]
    whose = {each["poolId"] for each in found}

    assert [] == [each for each in found if misshapen(example, _documented(example, each))]
    assert {True} == {each["id"].startswith("act-") for each in found}
    assert sorted(times, reverse=True) == times
    assert whose == {"pool-1"} if query else {"pool-1", "pool-2", "training"} <= whose
    assert "pool-created" in {each["action"] for each in found}


def test_activities_of_no_pool(pools: Client) -> None:
    """A pool that never was has no activities; that is no error."""
    assert {"activities": []} == pools.told("/activity", poolId="pool-999")


def test_the_page_can_show_what_it_reads(pools: Client) -> None:
    """Whatever a dashboard reads of pools and activities is there, and never null."""
    told = pools.told()
    gauges = [f"{what}Utilization" for what in ("cpu", "memory", "gpu", "network")]

    assert [] == list(_nulls(told)) == list(_nulls(pools.told("/activity")))
    for pool in told["pools"]:
        assert pool["status"][0].isalpha()
        assert isinstance(pool["tags"], list)
        assert all(0 <= pool[gauge] <= 100 for gauge in gauges)
        assert pool["nodeCount"] == sum(kind["count"] for kind in pool["nodeTypes"])
    for each in pools.told("/activity")["activities"]:
        assert {"id", "action", "poolName", "timestamp", "details", "user"} <= each.keys()


def _nulls(content: Any, path: str = "") -> Iterator[str]:
    """Yield where there is a null."""
    if content is None:
        yield path
    elif isinstance(content, dict | list):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for name, value in items:
            yield from _nulls(value, f"{path}.{name}")


def test_wrong_parameters(pools: Client) -> None:
    """What is wrong with a request is the document's 400, with a sentence about it."""
    draft = {**EXAMPLES["POST /api/pools request"], "nodeTypes": [{"type": "p5", "count": 0}]}
    answer = pools.ask("POST", json=draft)

    details = "nodeTypes[0].count must be a positive integer"
    assert {**EXAMPLES["400"], "details": details} == answer.json()
    assert 400 == answer.status_code


def test_a_pool_that_is_not_there(pools: Client) -> None:
    """It is the document's 404, whatever is wanted of it."""
    body = EXAMPLES["PUT /api/pools/{poolId} request"]
    answers = [
        pools.ask("GET", "/pool-999"),
        pools.ask("PUT", "/pool-999", json=body),
        pools.ask("DELETE", "/pool-999"),
    ]

    assert [(404, EXAMPLES["404"])] * 3 == [(it.status_code, it.json()) for it in answers]


@pytest.fixture(name="guarded", scope="module")
def _guarded(running: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Run one more query service over the same Prometheus, with a database of its own."""
    folder, port = tmp_path_factory.mktemp("guarded"), free_port()
    tokens = folder / "tokens"
    viewer, admin = (issue(tokens, role, name=role) for role in (Role.VIEWER, Role.ADMIN))
    settings = {
        "clusters": [{"name": stack.CLUSTER, "prometheus_url": running.prometheus_url}],
        "auth": {"tokens_file": str(tokens)},
        "database_url": _damaged(folder),
        "limits": LIMITS,
        **NO_STREAM,
    }
    with stack.query_api(folder, [port], settings) as api:
        api.wait_ready(seconds=READY_SECONDS)
        yield Guarded(Client(f"http://{LOOPBACK}:{port}"), viewer, admin)


def _damaged(folder: Path) -> str:
    """Make a database that somebody has been at: what stands there is no list of node types."""
    url = prepared(folder)
    with stored(url) as store, store.writing() as session:
        storage.insert(session, POOL)
    with closing(sqlite3.connect(folder / "gpuscope.db")) as file, file:
        file.execute("UPDATE pools SET node_types = '7'")
    return url


@pytest.mark.parametrize(
    ("method", "who", "status"),
    [
        ("GET", "nobody", 401),
        ("POST", "nobody", 401),
        ("GET", "wrong", 401),
        ("POST", "viewer", 403),
    ],
)
def test_whoever_may_not(guarded: Guarded, method: str, who: str, status: int) -> None:
    """Without a token, or with one that may not write, the document's 401 and 403 are answered."""
    body = EXAMPLES["POST /api/pools request"]
    refused = guarded.client.ask(method, json=body, headers=guarded.headers(who))

    assert (status, EXAMPLES[str(status)]) == (refused.status_code, refused.json())


def test_a_defect(guarded: Guarded) -> None:
    """What nobody has foreseen is the document's 500, and says nothing of what it was."""
    answer = guarded.client.ask("GET", "/pool-1", headers=guarded.headers("admin"))

    assert (500, EXAMPLES["500"]) == (answer.status_code, answer.json())
