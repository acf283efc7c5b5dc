"""Promises of the stand-in for node_exporter on the living fleet's nodes."""

import random
from collections import defaultdict
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from demo.fleet import hosts
from demo.fleet.hosts import Hosts, Load, Work
from demo.fleet.living import LivingFleet
from demo.fleet.placement import Machine, Request

NODE = Machine("n1", 100_000, 1_000, 8, "NVIDIA H100 80GB HBM3")
START = 1_800_000_000.0
LINK = 12.5e9


def _read(page: str | None) -> dict[str, float]:
    """Return the sums of a page's samples, by name and, of CPU seconds, by mode."""
    assert page is not None
    sums: dict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            mode = sample.labels.get("mode")
            sums[f"{sample.name}/{mode}" if mode else sample.name] += sample.value
    return dict(sums)


def test_its_page_is_node_exporters() -> None:
    """It has the families that rules read, as real node_exporters name and label them."""
    page = Hosts([NODE], START).page("n1", START) or ""
    families = {it.name: it for it in text_string_to_metric_families(page)}

    assert {
        *("node_cpu_seconds", "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"),
        *("node_network_receive_bytes", "node_network_transmit_bytes"),
        *("node_network_speed_bytes", "node_time_seconds", "node_uname_info"),
    } == set(families)
    assert {"counter"} == {it.type for name, it in families.items() if name.endswith("ve_bytes")}
    assert "n1" == families["node_uname_info"].samples[0].labels["nodename"]
    assert {"idle", "iowait", "system", "user"} == {
        sample.labels["mode"] for sample in families["node_cpu_seconds"].samples
    }


@given(
    cpu=st.floats(0, 1),
    memory=st.floats(0, 1),
    network=st.floats(0, 1),
    # In parts of a second that Unix times have exactly.
    scrapes=st.lists(st.integers(1, 60 * 64).map(lambda it: it / 64), min_size=1, max_size=5),
)
def test_rates_are_what_the_node_does(
    cpu: float, memory: float, network: float, scrapes: list[float]
) -> None:
    """However often it is scraped, each second counts once on each CPU, busy as it was told."""
    shown = Hosts([NODE], START)
    shown.show({"n1": Load(cpu, memory, network)}, START)
    passed = sum(scrapes)
    before = _read(Hosts([NODE], START).page("n1", START))
    for moment in accumulate(scrapes[:-1]):
        shown.page("n1", START + moment)
    after = _read(shown.page("n1", START + passed))
    told = {name: value - before[name] for name, value in after.items() if "total" in name}

    assert 2 * passed * (1 - cpu) == pytest.approx(told["node_cpu_seconds_total/idle"], abs=1e-3)
    spent = sum(value for name, value in told.items() if "node_cpu" in name)
    assert 2 * passed == pytest.approx(spent)
    free = after["node_memory_MemAvailable_bytes"] / after["node_memory_MemTotal_bytes"]
    assert 1 - memory == pytest.approx(free, abs=1e-9)
    moved = told["node_network_receive_bytes_total"] + told["node_network_transmit_bytes_total"]
    assert network == pytest.approx(moved / passed / 2 / LINK, abs=1e-6)


def test_counters_never_fall() -> None:
    """A clock that is set back takes no counter back."""
    shown = Hosts([NODE], START)
    before, after = (_read(shown.page("n1", START + now)) for now in (10, 5))

    assert before | {"node_time_seconds": START + 5} == after


def test_nodes_are_busier_where_pods_run() -> None:
    """Each pod adds to its node's CPU, memory and network, and to no other's; none is over 1."""
    other = Machine("n2", 100_000, 1_000, 0, "")
    pod = Work("n1", Request(20_000, 200, 2), 0.5)
    idle, one, many = (hosts.loads([NODE, other], [pod] * count) for count in (0, 1, 50))

    assert (0.03 + 0.2, 0.04 + 0.17, 0.01 + 0.1) == pytest.approx(
        (one["n1"].cpu, one["n1"].memory, one["n1"].network)
    )
    assert idle["n2"] == many["n2"] == Load()
    assert max(many["n1"].cpu, many["n1"].memory, many["n1"].network) < 1


def test_work_without_gpus_goes_to_nodes_without() -> None:
    """In the living fleet the nodes without GPUs are busy, with pods that ask for none."""
    fleet = LivingFleet(random.Random(1))  # noqa: S311 - a demo
    assert [] != list(fleet.begin(START))
    work = list(fleet.work())
    shown = hosts.loads(fleet.machines, work)

    assert {0} == {one.request.gpus for one in work if one.node.startswith("cpu-")}
    assert shown["cpu-00"].cpu > 0.2
    assert len({load.cpu for load in shown.values()}) > 3


def test_a_node_that_is_not_there() -> None:
    """It has no page."""
    assert Hosts([NODE], START).page("n2", START) is None
