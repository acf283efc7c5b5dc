"""The awkward cases of a cluster, each with the test that holds us to it.

The first table says it at once: objects in, lines out. The second names the tests that say it
elsewhere, by themselves and not by their names, so that none can go unnoticed.
"""

from collections.abc import Callable

import pytest

from tests.exporter.cluster import (
    test_accounting,
    test_claimed_devices,
    test_fleet,
    test_owners,
    test_sharing,
)
from tests.exporter.cluster.api import test_faults, test_reflector
from tests.exporter.cluster.devices import test_dra, test_dra_slices
from tests.exporter.cluster.objects import (
    test_containers,
    test_hardware,
    test_pending,
    test_pods,
    test_quantity,
    test_requests,
    test_workload,
)
from tests.exporter.cluster.page import test_podsamples
from tests.support.objects import (
    EPOCH,
    GPU,
    Object,
    at,
    condition,
    container,
    containers_in,
    node,
    pod,
    restarted,
)
from tests.support.scrape import scrape, text

SLOTS = {"nvidia.com/gpu.count": "8", "nvidia.com/gpu.replicas": "4"}
ONE = {"nvidia.com/gpu.product": "A100-MIG-1g.5gb", "nvidia.com/gpu.count": "56"}
POD = 'namespace="ml",pod="p1",uid="uid-p1"'
FREE = 'gpu_node_free{node="n1",resource="nvidia.com/gpu"}'
ALLOCATED = 'gpu_node_allocated{node="n1",resource="nvidia.com/gpu"}'


def of(*containers: Object, init: tuple[Object, ...] = ()) -> Object:
    """Return a pod of these containers."""
    return pod(spec={"containers": list(containers), "initContainers": list(init)})


def state(phase: str, word: str, reason: str = "") -> str:
    """Return the line of the pod's state."""
    why = f',reason="{reason}"' if reason else ""
    return f'gpu_pod_state{{{POD},phase="{phase}",state="{word}"{why}}} 1'


RUNS = {"running": {"startedAt": at(20)}}
RAN = {"startedAt": at(10), "finishedAt": at(15), "exitCode": 1}


@pytest.mark.parametrize(
    ("objects", "lines"),
    [
        pytest.param(
            [of(container(4), init=(container(8),))], [f"{ALLOCATED} 8", f"{FREE} 0"],
            id="initialisation needs more than the app",
        ),
        pytest.param(
            [of(container(2), init=(container(1, sidecar=True), container(4)))],
            [f"gpu_pod_requested{{{POD}}} 5"], id="a sidecar before initialisation",
        ),
        pytest.param(
            [of(container(2), init=(container(4), container(1, sidecar=True)))],
            [f"gpu_pod_requested{{{POD}}} 4"], id="a sidecar after initialisation",
        ),
        pytest.param([of(container(limits=3))], [f"{ALLOCATED} 3"], id="only limits"),
        pytest.param(
            [node(gpus="1k")], ['gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 1000'],
            id="a thousand is 1k",
        ),
        pytest.param(
            [pod(phase="Pending")], [f"{ALLOCATED} 1", state("Pending", "starting")],
            id="bound and not started",
        ),
        pytest.param(
            [pod(deletionTimestamp=at(1))], [f"{ALLOCATED} 1", state("Running", "terminating")],
            id="terminating",
        ),
        pytest.param(
            [pod(phase="Failed", status={"reason": "Evicted"})],
            [f"{ALLOCATED} 0", state("Failed", "terminal", "Evicted")], id="evicted",
        ),
        pytest.param(
            [pod(phase="Failed", status={"reason": "UnexpectedAdmissionError"})],
            [f"{ALLOCATED} 0", state("Failed", "terminal", "UnexpectedAdmissionError")],
            id="refused at admission",
        ),
        pytest.param(
            [pod(status=containers_in({"waiting": {"reason": "CrashLoopBackOff"}}))],
            [f"{ALLOCATED} 1", state("Running", "crashloop", "CrashLoopBackOff")],
            id="crash loop",
        ),
        pytest.param(
            [pod(node="", phase="Pending", status=condition("SchedulingGated"))],
            [f"{ALLOCATED} 0", state("Pending", "gated", "gated")], id="gated",
        ),
        pytest.param(
            [pod(node="", phase="Pending", status={"nominatedNodeName": "n1"})],
            [f"{ALLOCATED} 0", f"{FREE} 8", state("Pending", "pending", "preemption")],
            id="nominated",
        ),
        pytest.param(
            [node(ready="Unknown"), pod()],
            [f"{ALLOCATED} 1", f"{FREE} 0", state("Running", "node_lost", "node_not_ready"),
             'gpu_node_problem{node="n1",problem="unreachable"} 1'],
            id="unreachable, its pods still say Running",
        ),
        pytest.param(
            [node(gpus=8, allocatable=0), pod(gpus=2)],
            [f"{ALLOCATED} 2", f"{FREE} 0",
             'gpu_node_overcommitted{node="n1",resource="nvidia.com/gpu"} 2',
             'gpu_node_problem{node="n1",problem="plugin_down"} 1'],
            id="the plugin restarts",
        ),
        pytest.param(
            [node(gpus=56, labels=ONE | {"nvidia.com/mig.strategy": "single"}), pod(gpus=7)],
            [f"{ALLOCATED} 1", 'gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 8',
             'gpu_node_units{node="n1",resource="nvidia.com/gpu",state="allocated"} 7'],
            id="single MIG",
        ),
        pytest.param(
            [node(gpus=32, labels=SLOTS), pod(gpus=4)],
            [f"{ALLOCATED} 1", f"{FREE} 7"], id="time-slicing under the old name",
        ),
        pytest.param(
            [node(gpus={"nvidia.com/gpu.shared": 32}, labels=SLOTS),
             pod(gpus={"nvidia.com/gpu.shared": 4})],
            ['gpu_node_allocated{node="n1",resource="nvidia.com/gpu.shared"} 1',
             'gpu_node_free{node="n1",resource="nvidia.com/gpu.shared"} 7'],
            id="time-slicing, renamed",
        ),
        pytest.param(
            [node(gpus=32, labels=SLOTS | {"nvidia.com/gpu.sharing-strategy": "mps"}), pod(gpus=4)],
            [f"{ALLOCATED} 1", f"{FREE} 7"], id="MPS",
        ),
        pytest.param(
            [pod(status=restarted(RUNS, RAN))],
            [f"gpu_pod_start_timestamp_seconds{{{POD}}} {EPOCH + 600}"], id="a restart",
        ),
        pytest.param(
            [pod(gpus={GPU: 1, "amd.com/gpu": 2})], [f"gpu_pod_requested{{{POD}}} 3"],
            id="two GPU resources",
        ),
    ],
)  # fmt: skip
def test_at_once(objects: list[Object], lines: list[str]) -> None:
    """The lines stand in the scrape of a node of eight GPUs, unless another one is told of."""
    others = [] if any(it["kind"] == "Node" for it in objects) else [node()]
    told = scrape(*others, *objects).lines

    assert sorted(lines) == [line for line in told if line in lines]


def test_a_request_of_zero() -> None:
    """A pod that asks for 0 GPUs is none of ours."""
    told = scrape(node(), pod(gpus=0))

    assert [] == told.of_pods()
    assert text(f"{ALLOCATED} 0") == told.of("gpu_node_allocated")


Case = tuple[Callable[..., object], ...]

ELSEWHERE: dict[str, Case] = {
    "init containers and sidecars": (
        test_requests.test_an_init_container_that_needs_more_counts,
        test_requests.test_a_sidecar_before_an_init_container_runs_beside_it,
        test_requests.test_a_sidecar_after_an_init_container_does_not,
    ),
    "forms of a quantity": (
        test_quantity.test_the_forms_of_a_count,
        test_quantity.test_half_a_device_is_refused,
    ),
    "who holds devices": (
        test_accounting.test_who_holds_devices,
        test_accounting.test_who_holds_none,
    ),
    "pods that no node has": (
        test_pending.test_kept_back,
        test_pending.test_a_node_is_being_cleared,
        test_pods.test_an_unbound_pod,
    ),
    "one name, two UIDs": (
        test_fleet.test_the_old_pod_goes_after_the_new_one_came,
        test_reflector.test_events_in_an_odd_order,
    ),
    "deleted with an old phase": (
        test_fleet.test_a_removal_is_by_identity,
        test_reflector.test_a_pod_that_ended_leaves_with_its_old_phase,
    ),
    "pods without their node": (
        test_fleet.test_a_pod_before_its_node,
        test_fleet.test_a_node_deleted_while_its_pods_remain,
    ),
    "nodes that take no work": (
        test_accounting.test_a_node_that_takes_no_work,
        test_accounting.test_taints_that_keep_no_gpu_pod_away,
    ),
    "fewer devices than are held": (
        test_accounting.test_more_allocated_than_allocatable,
        test_accounting.test_the_device_plugin_is_away_for_long,
    ),
    "GPUs that are cut or shared": (
        test_accounting.test_mixed_mig,
        test_hardware.test_mig,
        test_hardware.test_slots,
    ),
    "fractions and their reservation": (
        test_sharing.test_kai_fractions_and_their_reservation,
        test_sharing.test_a_reservation_is_no_task,
    ),
    "devices by claim": (
        test_claimed_devices.test_a_shared_claim_is_halved,
        test_claimed_devices.test_an_extended_resource_is_counted_once,
        test_dra.test_access_for_monitoring,
        test_dra.test_shares_of_one_device_by_memory,
        test_dra.test_a_partitionable_gpu_is_one_gpu,
        test_dra_slices.test_only_the_newest_generation_counts,
    ),
    "mirror of a static pod": (
        test_accounting.test_a_static_pod_is_counted_once,
        test_workload.test_a_mirror_pod,
    ),
    "chains of owners": (
        test_workload.test_a_cycle,
        test_workload.test_a_chain_too_long,
        test_workload.test_owners_that_do_not_control,
        test_workload.test_jobs_of_two_api_groups,
        test_workload.test_every_chain_cut_short,
        test_owners.test_a_leader_that_is_a_gpu_pod,
    ),
    "restarts and clocks": (
        test_containers.test_runs_that_the_status_forgot,
        test_containers.test_clocks_that_disagree,
    ),
    "a server that fails": (
        test_reflector.test_the_version_is_gone_on_a_page,
        test_reflector.test_the_version_is_gone_on_a_watch,
        test_reflector.test_an_error_is_no_end,
        test_faults.test_the_end_is_the_state_of_a_fresh_list,
    ),
    "a list that lacks what was there": (test_fleet.test_a_new_list_removes_what_it_lacks,),
    "any text in a label": (test_podsamples.test_any_text_in_a_label,),
    "two GPU resources": (test_accounting.test_two_gpu_resources_in_one_pod,),
    "requests of nothing": (test_requests.test_who_asks_for_no_gpu_is_no_gpu_pod,),
}


@pytest.mark.parametrize("case", list(ELSEWHERE.values()), ids=list(ELSEWHERE))
def test_elsewhere(case: Case) -> None:
    """Each of these cases is held by a test that is collected and says what it promises."""
    for test in case:
        assert test.__name__.startswith("test_")
        assert test.__doc__
