"""MIG through real nvidia-ml-py and a real library: instances, and their device as a whole."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from demo.nvml import models
from demo.nvml.cutting import cut
from demo.nvml.scenario import Ailment, Device, Fault, System, Wave
from demo.nvml.tenants import Account, Accounting, Gpm, Instance, Mig, Process, Processes, Use
from tests.support.nvml import NodeProcess, value

PARENT = "GPU-00000000-0000-4000-8000-000000000000"
GIB = 2**30
SMALL = Instance(
    gpu=7,
    uuid="MIG-small",
    memory_total=9 * GIB,
    memory_used=GIB,
    multiprocessors=16,
    gpm={2: 12.5, 7: 50},
)
LARGE = Instance(
    gpu=1,
    uuid="MIG-large",
    profile="3g.40gb",
    memory_total=39 * GIB,
    memory_used=30 * GIB,
    multiprocessors=60,
    gpm={2: 75},
)
RUNNING = (
    Process(100, GIB, gpu=7),
    Process(200, 20 * GIB, gpu=1),
    Process(201, 10 * GIB, gpu=1),
    Process(201, 0, "graphics", gpu=1),
)
CUT = Device(
    uuid=PARENT,
    power=300,
    utilization=50,
    memory_copy_utilization=20,
    memory_total=80 * GIB,
    memory_used=31 * GIB,
    temperature=50,
    parts=(Mig(instances=(LARGE, None, SMALL)), Processes(RUNNING)),
)
METRICS = {1: 80, 2: 40, 5: 30, 7: 30, 20: 1, 61: 1024, 10: 101.5}
ALONE = Processes(tuple(replace(each, gpu=None) for each in RUNNING))
WHOLE = replace(CUT, parts=(Mig(mode=0), Gpm(METRICS), ALONE))


def _profiled(page: str) -> bool:
    return value(page, "gpu_instance_sm_active_ratio", gpu_instance="1") is not None


def test_instances(node: NodeProcess) -> None:
    """Each instance is named, with its memory, processes and activity; an empty place is not."""
    node.play(CUT)
    page = node.until(lambda page: _profiled(page) and "gpu_instance_processes" in page)
    series = [line for line in page.splitlines() if line.startswith("gpu_instance_")]
    device = f'uuid="{PARENT}",gpu="0",node="worker-1"'
    large = f'{device},gpu_instance="1",compute_instance="0",instance_uuid="MIG-large"'
    small = f'{device},gpu_instance="7",compute_instance="0",instance_uuid="MIG-small"'

    assert [
        f'gpu_instance_info{{{large},profile="3g.40gb"}} 1',
        f'gpu_instance_info{{{small},profile="1g.10gb"}} 1',
        f'gpu_instance_memory_free_bytes{{{device},gpu_instance="1"}} {9 * GIB}',
        f'gpu_instance_memory_free_bytes{{{device},gpu_instance="7"}} {8 * GIB}',
        f'gpu_instance_memory_total_bytes{{{device},gpu_instance="1"}} {39 * GIB}',
        f'gpu_instance_memory_total_bytes{{{device},gpu_instance="7"}} {9 * GIB}',
        f'gpu_instance_memory_used_bytes{{{device},gpu_instance="1"}} {30 * GIB}',
        f'gpu_instance_memory_used_bytes{{{device},gpu_instance="7"}} {GIB}',
        f'gpu_instance_multiprocessors{{{device},gpu_instance="1"}} 60',
        f'gpu_instance_multiprocessors{{{device},gpu_instance="7"}} 16',
        f'gpu_instance_processes{{{device},gpu_instance="1",type="compute"}} 2',
        f'gpu_instance_processes{{{device},gpu_instance="1",type="graphics"}} 1',
        f'gpu_instance_processes{{{device},gpu_instance="1",type="mps"}} 0',
        f'gpu_instance_processes{{{device},gpu_instance="7",type="compute"}} 1',
        f'gpu_instance_processes{{{device},gpu_instance="7",type="graphics"}} 0',
        f'gpu_instance_processes{{{device},gpu_instance="7",type="mps"}} 0',
        f'gpu_instance_slices{{{device},gpu_instance="1"}} 3',
        f'gpu_instance_slices{{{device},gpu_instance="7"}} 1',
        f'gpu_instance_sm_active_ratio{{{device},gpu_instance="1"}} 0.75',
        f'gpu_instance_sm_active_ratio{{{device},gpu_instance="7"}} 0.125',
        f'gpu_instance_tensor_pipe_active_ratio{{{device},gpu_instance="7",pipe="hmma"}} 0.5',
    ] == sorted(series)  # fmt: skip


def test_the_device_as_a_whole(node: NodeProcess) -> None:
    """What is the whole device's stands once, on the device; what MIG mode hides is absent."""
    node.play(CUT)
    page = node.until(lambda page: _profiled(page) and "\ngpu_processes" in page)

    assert 300 == value(page, "gpu_power_watts")
    assert 50 == value(page, "gpu_temperature_celsius")
    assert 31 * GIB == value(page, "gpu_memory_used_bytes")
    assert 3 == value(page, "gpu_processes", type="compute")
    assert (1, 1) == (value(page, "gpu_mig_mode_enabled"), value(page, "gpu_mig_mode_pending"))
    assert value(page, "gpu_utilization_ratio") is None
    assert value(page, "gpu_sm_active_ratio") is None


def test_reconfigured(node: NodeProcess) -> None:
    """An instance made anew in the place of another has its own numbers, never the other's."""
    node.play(CUT)
    node.until(_profiled)
    fresh = replace(SMALL, uuid="MIG-fresh", gpu=9, gpm={2: 100}, memory_used=2 * GIB)
    node.play(replace(CUT, parts=(Mig(instances=(fresh,)),)))
    page = node.until(
        lambda page: value(page, "gpu_instance_sm_active_ratio", gpu_instance="9") is not None
    )

    assert 1 == value(page, "gpu_instance_info", instance_uuid="MIG-fresh")
    assert 1.0 == value(page, "gpu_instance_sm_active_ratio", gpu_instance="9")
    assert 2 * GIB == value(page, "gpu_instance_memory_used_bytes", gpu_instance="9")
    assert 1 == value(page, "gpu_exporter_collector_success", collector="mig")

    page = node.until(lambda page: "MIG-large" not in page)

    assert 'gpu_instance="1"' not in page
    assert 'gpu_instance="7"' not in page


def test_reconfigured_while_read(node: NodeProcess) -> None:
    """Made anew while it is read, no instance has another's numbers on any page."""
    node.play(_cut_into("MIG-0", 10))
    node.until(_profiled)
    for turn in range(1, 9):
        node.play(_cut_into(f"MIG-{turn}", 10 + turn))
        time.sleep(0.13)
        page = node.page()
        (size,) = {10 + int(number) for number in re.findall(r"MIG-(\d)", page)} or {0}
        told = {
            value(page, "gpu_instance_memory_total_bytes"),
            value(page, "gpu_instance_multiprocessors"),
            value(page, "gpu_instance_processes", type="compute"),
        }

        assert told <= {size, None}
        assert value(page, "gpu_instance_sm_active_ratio") in (size / 100, None)


def _cut_into(uuid: str, size: int) -> Device:
    """Return a device, slow to tell, with one instance of whose every number is *size*."""
    whole = Instance(1, uuid, memory_total=size, multiprocessors=size, gpm={2: size})
    running = Processes(tuple(Process(pid, 1, gpu=1) for pid in range(1, size + 1)))
    delays = {"Attributes_v2": 0.05, "ComputeRunningProcesses_v3": 0.02}
    return replace(CUT, delays=delays, parts=(Mig(instances=(whole,)), running))


def test_mode_switched(node: NodeProcess) -> None:
    """What a device did not support in MIG mode is asked again when it leaves it."""
    node.play(CUT)
    node.until(_profiled)
    node.play(WHOLE)
    page = node.until(
        lambda page: (
            value(page, "gpu_mig_mode_enabled") == 0
            and value(page, "gpu_sm_active_ratio") is not None
            and "gpu_instance_" not in page
        )
    )

    assert 0.5 == value(page, "gpu_utilization_ratio")


def test_profiling(node: NodeProcess) -> None:
    """Units are told as shares of 1 and bytes per second; what the device lacks is absent."""
    node.play(WHOLE)
    page = node.until(lambda page: value(page, "gpu_sm_active_ratio") is not None)

    assert 0.8 == value(page, "gpu_graphics_active_ratio")
    assert 0.4 == value(page, "gpu_sm_active_ratio")
    assert 0.3 == value(page, "gpu_tensor_pipe_active_ratio", pipe="hmma")
    assert 2**20 == value(page, "gpu_profiling_pcie_bytes_per_second", direction="tx")
    assert 2**30 == value(page, "gpu_profiling_nvlink_bytes_per_second", direction="tx")
    assert value(page, "gpu_dram_active_ratio") is None
    assert value(page, "gpu_fp64_active_ratio") is None


def test_profiling_averages(node: NodeProcess) -> None:
    """A value is the average between two readings, not what happened to be at the second."""
    node.play(replace(WHOLE, parts=(Gpm({2: Wave(0, 100, 0.01)}),)))
    page = node.until(lambda page: value(page, "gpu_sm_active_ratio") is not None)

    assert value(page, "gpu_sm_active_ratio") == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize(
    ("absent", "version"),
    [
        (("ComputeRunningProcesses_v3", "GraphicsRunningProcesses_v3"), "470.57.02"),
        ((), "535.54.03"),
    ],
    ids=["before 510", "535.54"],
)
def test_old_lists_of_processes(tmp_path: Path, absent: tuple[str, ...], version: str) -> None:
    """A driver without today's list of processes, or with one of a wrong form, is understood."""
    with NodeProcess(tmp_path, collectors=("mig", "processes", "process_details")) as node:
        node.play(WHOLE, system=System(driver_version=version, absent=absent))
        page = node.until(lambda page: "gpu_process_memory_bytes" in page)

    assert 3 == value(page, "gpu_processes", type="compute")
    assert 20 * GIB == value(page, "gpu_process_memory_bytes", pid="200")


def test_no_gpm(node: NodeProcess) -> None:
    """Before Hopper there is nothing to profile, and that is no failure."""
    node.play(replace(WHOLE, parts=(ALONE,)), system=System(absent=("GpmQueryDeviceSupport",)))
    page = node.until(lambda page: value(page, "gpu_processes", type="compute") == 3)

    assert "_active_ratio" not in page
    assert 1 == value(page, "gpu_exporter_collector_success", collector="profiling")


def test_a_failing_instance(node: NodeProcess) -> None:
    """Samples that fail cost an instance's profile; the device and its memory go on."""
    node.play(replace(CUT, faults=(Fault("GpmMigSampleGet", Ailment.MEMORY),)))
    page = node.until(lambda page: "gpu_instance_memory_used_bytes" in page)

    assert 0 == value(page, "gpu_exporter_collector_success", collector="profiling")
    assert 1 == value(page, "gpu_up")
    assert GIB == value(page, "gpu_instance_memory_used_bytes", gpu_instance="7")


def test_each_process(tmp_path: Path) -> None:
    """When asked for, every process has its memory, and what it used in the last half minute."""
    uses = (Use(200, sm=90, memory=40), Use(201, sm=7, ago=600))
    accounts = (
        Account(150, sm=60, memory=20, most=GIB, milliseconds=90_000, start=1.7e9),
        Account(200, start=1.8e9, running=True),
    )
    busy = replace(WHOLE, parts=(Processes(ALONE.running, uses), Accounting(accounts)))
    with NodeProcess(tmp_path, collectors=("process_details", "accounting")) as node:
        node.play(busy)
        page = node.until(lambda page: "gpu_process_utilization_ratio" in page)

    assert 20 * GIB == value(page, "gpu_process_memory_bytes", pid="200", type="compute")
    assert 0.9 == value(page, "gpu_process_utilization_ratio", pid="200", engine="sm")
    assert value(page, "gpu_process_utilization_ratio", pid="201", engine="sm") is None
    assert 0 == value(page, "gpu_processes_omitted")
    assert 4000 == value(page, "gpu_accounting_capacity")
    assert 1 == value(page, "gpu_accounting_processes", state="running")
    assert 90 == value(page, "gpu_accounting_time_seconds", pid="150")
    assert 0.6 == value(page, "gpu_accounting_utilization_ratio", pid="150", engine="sm")
    assert 1.7e9 == value(page, "gpu_accounting_start_timestamp_seconds", pid="150")


def test_a_model_cut_up(node: NodeProcess) -> None:
    """The demo's H100 can be cut, and shows what a real one does."""
    whole = models.device(models.H100, PARENT, 0, busy=0.5)
    node.play(cut(whole, models.H100, "3g", "2g", "1g", "1g", busy=0.5))
    page = node.until(lambda page: page.count("\ngpu_instance_sm_active_ratio{") == 4)

    assert 1 == value(page, "gpu_instance_info", gpu_instance="1", profile="3g.40gb")
    assert 4 == value(page, "gpu_processes", type="compute")
