"""`/api/pools` over HTTP: what the document shows, and what it does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pool_series import A100, H100
from tests.support.pooled import POOLS, bad, created, pooled, sent
from tests.support.pools import WHOLE
from tests.support.query_service import Service, body, running
from tests.support.stored import prepared

_MISSING = {"error": "Not Found", "message": "The requested resource was not found"}


@pytest.fixture(name="service")
def _service(tmp_path: Path) -> Iterator[Service]:
    with pooled(tmp_path) as service:
        yield service


def test_a_new_pool_is_answered_as_the_document_shows(service: Service) -> None:
    """201, where it is, and its fields, of which nothing is measured yet."""
    answer = created(service)
    told = body(answer)

    assert {
        "id": "pool-1",
        "name": "New Compute Pool",
        "description": "Description of the new compute pool",
        "status": "initializing",
        "region": "us-west-2",
        "provider": "AWS",
        "nodeCount": 8,
        "cpuUtilization": 0,
        "memoryUtilization": 0,
        "gpuUtilization": 0,
        "networkUtilization": 0,
        "nodeTypes": [{"type": "g5.12xlarge", "count": 8}],
        "tags": ["development", "testing"],
        "createdAt": "1970-01-01",
    }.items() <= told.items()
    assert "/api/pools/pool-1" == answer.headers["Location"]
    assert answer.headers["ETag"].startswith('"1.')
    assert "no-store" == answer.headers["Cache-Control"]
    assert told == body(service.get("/api/pools/pool-1"))


def test_a_change_merges_and_a_deleted_pool_is_gone(service: Service) -> None:
    """As the document's examples do it, one after the other."""
    created(service)
    change = {
        "name": "Updated Pool Name",
        "description": "Updated description",
        "nodeTypes": [{"type": "g5.12xlarge", "count": 12}],
        "tags": ["development", "testing", "updated"],
    }
    told = body(sent(service, "PUT", f"{POOLS}/pool-1", change))

    assert (change | {"region": "us-west-2", "nodeCount": 12}).items() <= told.items()
    assert told == body(sent(service, "PUT", f"{POOLS}/pool-1", {}))
    assert {"success": True, "message": "Pool deleted successfully"} == body(
        sent(service, "DELETE", f"{POOLS}/pool-1")
    )
    for method in ("GET", "PUT", "DELETE"):
        gone = sent(service, method, f"{POOLS}/pool-1", {})
        assert (404, _MISSING) == (gone.status_code, body(gone))


def test_the_list_adds_up(service: Service) -> None:
    """Registered pools first, then those that labels tell of; the summary is their sum."""
    created(service)
    told = body(service.get(POOLS))

    assert ["pool-1", A100, H100] == [pool["id"] for pool in told["pools"]]
    assert {
        "totalPools": 3,
        "activePools": 2,
        "totalNodes": sum(pool["nodeCount"] for pool in told["pools"]),
        "totalCapacity": 32,
    } == told["summary"]


def test_a_list_that_is_ready_is_the_same(service: Service) -> None:
    """Answered by the gate or by Flask, and as new as the newest write."""
    first, again = service.get(POOLS), service.get(POOLS)
    created(service)
    third, fourth = service.get(POOLS), service.get(POOLS)

    assert (first.data, first.headers["ETag"]) == (again.data, again.headers["ETag"])
    assert 3 == body(third)["summary"]["totalPools"]
    assert third.data == fourth.data


def test_whoever_has_a_pool_is_told_so(service: Service) -> None:
    """And asks each time: anybody may change it."""
    etag = created(service).headers["ETag"]
    answer = sent(service, "GET", f"{POOLS}/pool-1", If_None_Match=etag)

    assert (304, b"") == (answer.status_code, answer.data)
    assert "private, max-age=0" == answer.headers["Cache-Control"]
    assert 200 == sent(service, "GET", f"{POOLS}/pool-1", If_None_Match='"1.x"').status_code


def test_a_change_of_what_has_changed_is_refused(service: Service) -> None:
    """By the version that was read; who does not say which, changes what is there."""
    first = created(service).headers["ETag"]
    path = f"{POOLS}/pool-1"
    second = sent(service, "PUT", path, {"name": "b"}, If_Match=first).headers["ETag"]
    stale = sent(service, "PUT", path, {"name": "c"}, If_Match=first)

    assert second.startswith('"2.')
    assert (412, "Precondition Failed") == (stale.status_code, body(stale)["error"])
    assert 412 == sent(service, "DELETE", path, If_Match=f"W/{second}").status_code
    assert "b" == body(service.get(path))["name"]
    assert 200 == sent(service, "PUT", path, {"name": "c"}).status_code
    assert 200 == sent(service, "PUT", path, {"name": "d"}, If_Match="*").status_code
    assert 200 == sent(service, "DELETE", path, If_Match='"1.x", "4.y"').status_code


def test_a_change_is_answered_whole(service: Service) -> None:
    """If-None-Match is for readers: nobody is told that nothing was changed, when it was."""
    etag = created(service).headers["ETag"]
    answer = sent(service, "PUT", f"{POOLS}/pool-1", {}, If_None_Match=etag)

    assert (200, "pool-1") == (answer.status_code, body(answer)["id"])
    assert 412 == sent(service, "PUT", f"{POOLS}/pool-1", {}, If_None_Match="*").status_code


def test_a_request_that_comes_again_creates_once(service: Service) -> None:
    """Whatever the order of its fields; another body under its key is another request."""
    first = sent(service, "POST", POOLS, dict(WHOLE), Idempotency_Key="k-1")
    again = sent(service, "POST", POOLS, dict(reversed(list(WHOLE.items()))), Idempotency_Key="k-1")
    other = sent(service, "POST", POOLS, dict(WHOLE) | {"name": "b"}, Idempotency_Key="k-1")
    wrong = sent(service, "POST", POOLS, dict(WHOLE), Idempotency_Key="a b")

    assert 201 == first.status_code == again.status_code
    assert (first.data, first.headers["ETag"], first.headers["Location"]) == (
        again.data, again.headers["ETag"], again.headers["Location"],
    )  # fmt: skip
    assert [None, "true"] == [one.headers.get("Idempotency-Replayed") for one in (first, again)]
    assert (422, "Unprocessable Entity") == (other.status_code, body(other)["error"])
    assert bad("Idempotency-Key must be 1 to 255 visible ASCII characters") == body(wrong)
    assert 1 == sum(pool["source"] == "registered" for pool in body(service.get(POOLS))["pools"])


def test_a_pool_that_was_found_is_adopted_by_a_change(service: Service) -> None:
    """Under its id; until then it can be read, and not deleted."""
    refused = sent(service, "DELETE", f"{POOLS}/{A100}")
    etag = service.get(f"{POOLS}/{A100}").headers["ETag"]
    told = body(service.get(f"{POOLS}/{A100}")) | {"name": "Ours"}
    adopted = sent(service, "PUT", f"{POOLS}/{A100}", told, If_Match=etag)

    assert (409, "Conflict") == (refused.status_code, body(refused)["error"])
    assert etag.startswith('"0.')
    assert (200, "registered", "Ours") == (
        adopted.status_code, body(adopted)["source"], body(adopted)["name"],
    )  # fmt: skip
    assert 200 == sent(service, "DELETE", f"{POOLS}/{A100}").status_code
    assert "labels" == body(service.get(f"{POOLS}/{A100}"))["source"]


def test_another_clusters_pool_has_its_cluster_before_its_id(tmp_path: Path) -> None:
    """A colon is a character like any other, written out or not."""
    with running(clusters=("c", "west"), database_url=prepared(tmp_path)) as service:
        found = [service.get(f"{POOLS}/{id_}") for id_ in ("west:a100", "west%3Aa100")]

        assert [(200, "west:a100")] * 2 == [(one.status_code, body(one)["id"]) for one in found]
        assert 200 == sent(service, "PUT", f"{POOLS}/west:a100", {"name": "a"}).status_code


def test_a_selector_can_be_sent_back(service: Service) -> None:
    """It is told in the words in which it is written."""
    told = body(created(service, selector={"instanceType": "p5", "pool": ["a", "b"]}))

    assert {"instanceType": ["p5"], "pool": ["a", "b"]} == told["selector"]
    assert 200 == sent(service, "PUT", f"{POOLS}/pool-1", told).status_code


def test_activities_are_told_in_pages(service: Service) -> None:
    """Newest first, of all pools or of one, from any point on."""
    for name in ("a", "b", "c"):
        created(service, name=name)
    sent(service, "DELETE", f"{POOLS}/pool-2")

    def told(query: str = "") -> list[str]:
        found = body(service.get(f"{POOLS}/activity{query}"))["activities"]
        return [f"{one['id']} {one['poolId']} {one['action']}" for one in found]

    everything = told()
    assert ["act-4 pool-2 pool-deleted", "act-3 pool-3 pool-created"] == everything[:2]
    assert everything[:1] == told("?limit=1")
    assert everything[1:] == told("?before=act-4&limit=1000")
    assert everything == told("?poolId=&before=")
    assert ["act-4 pool-2 pool-deleted", "act-2 pool-2 pool-created"] == told("?poolId=pool-2")
    assert [] == told("?poolId=nothing")


def test_planners_are_told_of_room_and_of_the_past(service: Service) -> None:
    """Of a pool of either kind."""
    room = body(service.get(f"{POOLS}/{H100}/capacity?gpus=8"))
    past = body(service.get(f"{POOLS}/{H100}/history?range=1h&step=15m"))

    assert {
        "poolId": H100, "gpus": 8, "fits": True, "nodesThatFit": 1, "largestBlock": 8,
        "pendingPods": 1,
    }.items() <= room.items()  # fmt: skip
    assert (H100, 900, 5) == (past["poolId"], past["stepSeconds"], len(past["points"]))
    assert 1 == body(service.get(f"{POOLS}/{H100}/capacity"))["gpus"]
