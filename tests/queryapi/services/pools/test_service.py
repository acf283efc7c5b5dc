"""Lists of pools are complete, current and quick, whatever hangs; each caller sees their own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from demo.processes import wait_for
from queryapi.access.principal import Scope
from queryapi.errors import ResourceNotFound, UpstreamUnavailable
from queryapi.services.pools.registering.drafts import Caller, Patch
from queryapi.services.pools.service import Pools
from queryapi.settings import Cluster, Settings, Timeouts
from queryapi.settings import Pools as PoolSettings
from queryapi.wiring.composition import Composition
from queryapi.wiring.ground import ground_of
from queryapi.wiring.pools import pool_fleet_of, pools_of
from tests.support.fake_prometheus import Clock, FakePrometheus, series
from tests.support.pools import ADMIN, DRAFT, KEY

ALL = Scope()
_NODES = "pool:nodes:count"


def stock(cluster: str, **nodes: int) -> list[dict[str, Any]]:
    """Return what the rules record of good nodes with eight GPUs each, by their pool label."""
    found = [series("cluster:pool_nodes:count", sum(nodes.values()), cluster=cluster)]
    for pool, count in nodes.items():
        labels = {"cluster": cluster, "pool": pool.replace("_", "-"), "instance_type": "p4d"}
        found += [
            series(_NODES, count, **labels),
            series("pool:nodes_ready:sum", count, **labels),
            series("pool:gpu_allocatable:sum", 8 * count, **labels),
            series("pool:nodes_cordoned:sum", 0, **labels),
            series("pool:gpu_allocated:sum", 5 * count, **labels),
            series("pool:gpu_free:sum", 3 * count, **labels),
            series("pool:gpu_utilization_ratio:sum", 4 * count, **labels),
            series("pool:gpu_utilization_ratio:count", 8 * count, **labels),
        ]
    return found


@dataclass(frozen=True, slots=True)
class World:
    """The service of pools, the clusters' Prometheus servers and the time."""

    pools: Pools
    clock: Clock
    of: dict[str, FakePrometheus]

    def list(self, scope: Scope = ALL) -> dict[str, Any]:
        """Return the list, decoded."""
        found: dict[str, Any] = msgspec.json.decode(self.pools.list(scope).prepared.body)
        return found

    def items(self, scope: Scope = ALL) -> dict[str, dict[str, Any]]:
        """Return the listed pools by id."""
        return {item["id"]: item for item in self.list(scope)["pools"]}


@contextmanager
def world(
    database_url: str | None, *, clusters: str = "cd", request: float = 10
) -> Iterator[World]:
    """Run the service of pools for some clusters with one found pool each."""
    fakes = {name: FakePrometheus() for name in clusters}
    for name, fake in fakes.items():
        fake.found["poolstock"] = stock(name, a=2)
    clock = Clock()
    ground = ground_of(
        Settings(
            clusters=tuple(Cluster(name, "http://prometheus") for name in clusters),
            database_url=database_url,
            pools=PoolSettings(ttl=15),
            timeouts=Timeouts(request=10),
        ),
        clock,
        lambda cluster, _: fakes[cluster.name],
    )
    composition = Composition(ground)
    pools = pools_of(composition, pool_fleet_of(composition))
    try:
        yield World(pools, clock, fakes)
    finally:
        for fake in fakes.values():
            fake.gate.set()
        ground.resources.close()


@pytest.fixture(name="url")
def _url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gpuscope.db'}"


def test_a_list_holds_all_clusters_pools(url: str) -> None:
    """Registered ones by age, then found ones; each with what is seen of it, and one summary."""
    with world(url) as here:
        here.of["c"].found["poolstock"] = stock("c", a=2, pool_2=1)
        here.pools.create(msgspec.structs.replace(DRAFT, cluster="d"), ADMIN, None)
        here.pools.create(DRAFT, ADMIN, None)

        told = here.list()

    assert ["pool-1", "pool-2", "a", "d:a"] == [item["id"] for item in told["pools"]]
    assert [0, 8, 16, 16] == [item["gpus"] for item in told["pools"]]
    assert [0, 50.0, 50.0, 50.0] == [item["gpuUtilization"] for item in told["pools"]]
    assert {"totalPools": 4, "activePools": 2, "totalNodes": 20, "totalCapacity": 40} == (
        told["summary"]
    )
    assert not any("stale" in item for item in told["pools"])


def test_a_cluster_that_hangs_costs_the_others_nothing(url: str) -> None:
    """Its pools are as they are wanted, marked stale; after the first time nobody waits for it."""
    with world(url) as here:
        here.pools.create(msgspec.structs.replace(DRAFT, cluster="d"), ADMIN, None)
    with world(url) as here:
        here.of["d"].gate.clear()
        began = time.monotonic()
        first = here.items()
        waited = time.monotonic()
        freshness = here.pools.list(ALL).freshness
        again = time.monotonic()

        here.of["d"].gate.set()
        wait_for(lambda: "stale" not in here.items()["pool-1"], seconds=60, what="d", every=0.05)
        healed = here.items()

    assert (0, True, 8) == (
        first["pool-1"]["gpus"],
        first["pool-1"]["stale"],
        first["pool-1"]["nodeCount"],
    )
    assert (16, False) == (first["a"]["gpus"], "stale" in first["a"])
    assert again - waited < waited - began < 20
    assert freshness.stale
    assert ["pool-1", "a", "d:a"] == list(healed)


def test_of_a_cluster_that_hangs_the_last_numbers_are_told(url: str) -> None:
    """They are not much older than the others', and marked."""
    with world(url) as here:
        assert 16 == here.items()["d:a"]["gpus"]
        here.of["d"].gate.clear()
        here.clock.now += 20
        item = here.items()["d:a"]

    assert (16, True) == (item["gpus"], item["stale"])


def test_without_prometheus_pools_are_what_was_registered(url: str) -> None:
    """They are listed and told one by one; what only nodes tell of is neither there nor not."""
    with world(url, clusters="c") as here:
        here.of["c"].broken["evaluation"] = UpstreamUnavailable("down", reason="refused")
        here.pools.create(DRAFT, ADMIN, None)

        item = here.items()["pool-1"]
        answer, version = here.pools.one("pool-1", ALL)
        with pytest.raises(UpstreamUnavailable):
            here.pools.one("a", ALL)
        with pytest.raises(ResourceNotFound):
            here.pools.one("pool-2", ALL)

    assert (0, True, 8) == (item["gpus"], item["stale"], item["nodeCount"])
    assert (item, 1, True) == (
        msgspec.json.decode(answer.prepared.body),
        version,
        answer.freshness.stale,
    )


def test_a_new_pool_is_told_as_the_next_answer_will_tell_it(url: str) -> None:
    """While Prometheus is away nobody knows of its nodes, and the answer to POST says so too."""
    with world(url, clusters="c") as here:
        well = msgspec.json.decode(here.pools.create(DRAFT, ADMIN, KEY).body)
        here.of["c"].broken["evaluation"] = UpstreamUnavailable("down", reason="refused")
        here.clock.now += 3600
        unread = msgspec.json.decode(here.pools.create(DRAFT, ADMIN, None).body)
        again = msgspec.json.decode(here.pools.create(DRAFT, ADMIN, KEY).body)
        listed = here.items()["pool-2"]

    assert ("None of 8 nodes has joined yet", False) == (well["statusReason"], "stale" in well)
    assert ("Nothing is known of its nodes now", True) == (unread["statusReason"], unread["stale"])
    assert (well, unread) == (again, listed)


def test_a_list_that_may_lack_pools_says_so(url: str) -> None:
    """Found ones are not there when nobody can be asked, which no item could tell."""
    for database in (url, None):
        with world(database) as here:
            whole = here.list()
            here.of["c"].broken["evaluation"] = UpstreamUnavailable("down", reason="refused")
            here.clock.now += 3600
            told = here.list()

        assert (False, True) == ("stale" in whole, told["stale"])
        assert "a" not in [item["id"] for item in told["pools"]]


def test_without_a_database_pools_are_what_nodes_say() -> None:
    """Nothing else of the service needs one; nothing has happened to them."""
    with world(None) as here:
        assert ["a", "d:a"] == list(here.items())
        assert () == here.pools.activity(ALL, limit=10).activities


def test_who_writes_reads_it_at_once(url: str) -> None:
    """The next list and the next answer have it, although nothing new was read of the nodes."""
    with world(url, clusters="c") as here:
        assert ["a"] == list(here.items())
        here.pools.create(DRAFT, ADMIN, None)
        assert "Training" == here.items()["pool-1"]["name"]
        answer, version = here.pools.update("pool-1", Patch(name="x"), ADMIN, None)
        assert ("x", 2) == (here.items()["pool-1"]["name"], version)
        assert here.items()["pool-1"] == msgspec.json.decode(answer.prepared.body)
        adopted = here.pools.update("a", Patch(tags=("t",)), ADMIN, {0})
        assert (["t"], 16) == (
            msgspec.json.decode(adopted.answer.prepared.body)["tags"],
            here.items()["a"]["gpus"],
        )
        here.pools.delete("pool-1", ADMIN, None)
        assert ["a"] == list(here.items())
        with pytest.raises(ResourceNotFound):
            here.pools.one("pool-1", ALL)


def test_a_list_is_made_once(url: str) -> None:
    """Until something is written or read anew all callers get the same bytes, without waiting."""
    with world(url) as here:
        assert None is here.pools.ready_list(ALL)
        first = here.pools.list(ALL)
        ready = here.pools.ready_list(ALL)
        assert ready is not None
        assert first.prepared is ready.prepared
        here.pools.create(DRAFT, ADMIN, None)

        assert None is here.pools.ready_list(ALL)
        second = here.pools.list(ALL)
        assert first.prepared is not second.prepared
        here.clock.now += 16
        assert None is here.pools.ready_list(ALL)


def test_the_oldest_cluster_tells_the_age(url: str) -> None:
    """An answer is as old as the oldest of what it is made of, and asked for again each time."""
    with world(url) as here:
        here.of["d"].found["evaluation"] = [
            series("cluster:gpu_evaluation_timestamp_seconds:max", 980, cluster="d")
        ]
        freshness = here.pools.list(ALL).freshness

    assert (980, 0.0, False) == (freshness.at, freshness.lifetime, freshness.stale)


def test_callers_of_some_clusters_see_no_others(url: str) -> None:
    """Neither in lists and sums, nor one by one, nor in what happened, nor by what is refused."""
    mine = Scope(clusters=frozenset({"d"}))
    with world(url) as here:
        here.pools.create(DRAFT, ADMIN, None)
        here.pools.create(msgspec.structs.replace(DRAFT, cluster="d"), ADMIN, None)

        assert ["pool-2", "d:a"] == list(here.items(mine))
        assert 2 == here.list(mine)["summary"]["totalPools"]
        for hidden in ("pool-1", "a", "nobody"):
            with pytest.raises(ResourceNotFound):
                here.pools.one(hidden, mine)
            with pytest.raises(ResourceNotFound):
                here.pools.update(hidden, Patch(), Caller("d", mine), None)
            with pytest.raises(ResourceNotFound):
                here.pools.delete(hidden, Caller("d", mine), None)
            with pytest.raises(ResourceNotFound):
                here.pools.capacity(hidden, mine, gpus=1)
            with pytest.raises(ResourceNotFound):
                here.pools.history(hidden, mine, seconds=3600, step=60)
        assert ["pool-2"] == [one.pool_id for one in here.pools.activity(mine, limit=9).activities]
        asked = here.of["c"].count("poolstock")
        here.pools.list(mine)
        assert asked == here.of["c"].count("poolstock")


def test_callers_of_namespaces_see_their_own_work(url: str) -> None:
    """Hardware is everybody's; what is held is theirs, and how busy nodes are is not told."""
    limited = Scope(namespaces=frozenset({"ml"}))
    with world(url, clusters="c") as here:
        here.of["c"].found["poolheld"] = [series("", 3, pool="a", instance_type="p4d")]
        item, whole = here.items(limited)["a"], here.items()["a"]

    assert (16, 3, 0) == (item["gpus"], item["allocatedGpus"], item["gpuUtilization"])
    assert "gpuUtilization" in item["unmeasured"]
    assert (16, 10, 50.0) == (whole["gpus"], whole["allocatedGpus"], whole["gpuUtilization"])


def test_pools_of_a_cluster_that_is_gone_stay(url: str) -> None:
    """Whoever takes a cluster out of the settings still sees its pools, and can delete them."""
    with world(url) as here:
        here.pools.create(msgspec.structs.replace(DRAFT, cluster="d"), ADMIN, None)
    with world(url, clusters="c") as here:
        assert (True, 0) == (here.items()["pool-1"]["stale"], here.items()["pool-1"]["gpus"])
        assert not here.pools.list(ALL).freshness.stale
        assert 1 == here.pools.one("pool-1", ALL).version
        with pytest.raises(ResourceNotFound):
            here.pools.one("pool-1", Scope(clusters=frozenset({"c"})))
        here.pools.delete("pool-1", ADMIN, None)
        assert ["a"] == list(here.items())


def test_activities_are_told_with_ids_and_changes(url: str) -> None:
    """As the document shows them."""
    with world(url) as here:
        here.pools.create(DRAFT, ADMIN, None)
        here.pools.update("pool-1", Patch(name="x"), ADMIN, None)
        told = msgspec.json.decode(msgspec.json.encode(here.pools.activity(ALL, limit=1)))

    (one,) = told["activities"]
    assert "1970-01-01T00:16:40Z" == one["timestamp"]
    assert ("act-2", "pool-1", "x", "configuration-changed", "admin") == (
        one["id"], one["poolId"], one["poolName"], one["action"], one["user"],
    )  # fmt: skip
    assert [{"field": "name", "from": "Training", "to": "x"}] == one["changes"]
