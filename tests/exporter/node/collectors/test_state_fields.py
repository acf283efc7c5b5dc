"""Promises of fields through the real nvidia-ml-py: their types, signs and scopes."""

from pathlib import Path

from demo.nvml.scenario import Device
from exporter.node.fields import Fi
from tests.support.nvml import NodeProcess, ready, value

DEVICE = Device(
    uuid="GPU-00000000-0000-4000-8000-000000000000",
    name="NVIDIA GH200 480GB",
    power=500,
    power_limit=700,
    fields={
        Fi.TEMPERATURE_SHUTDOWN_TLIMIT.value: -8,
        Fi.TEMPERATURE_GPU_MAX_TLIMIT.value: 0,
        Fi.PERF_POLICY_POWER.value: 12_500_000_000,
        Fi.PCIE_COUNT_RX_BYTES.value: 2**40,
        (Fi.POWER_INSTANT.value, 1): 800_000,
        (Fi.POWER_CURRENT_LIMIT.value, 1): 1_000_000,
        (Fi.ENERGY.value, 1): 2500,
    },
)
EXPECTED = {
    ("gpu_temperature_margin_threshold_celsius", "threshold", "shutdown"): -8,
    ("gpu_temperature_margin_threshold_celsius", "threshold", "gpu_max"): 0,
    ("gpu_clock_event_seconds_total", "reason", "power_cap"): 12.5,
    ("gpu_pcie_bytes_total", "direction", "rx"): 2**40,
    ("gpu_power_instant_watts", "scope", "gpu"): 500,
    ("gpu_power_instant_watts", "scope", "module"): 800,
    ("gpu_power_instant_watts", "scope", "memory"): None,
    ("gpu_power_limit_watts", "limit", "enforced"): 700,
    ("gpu_module_power_limit_watts", "limit", "enforced"): 1000,
    ("gpu_module_energy_joules_total", "node", "worker-1"): 2.5,
}


def test_fields(tmp_path: Path) -> None:
    """A field is published with its sign, apart from the same field of another scope."""
    with NodeProcess(tmp_path) as node:
        node.play(DEVICE)
        page = node.until(ready)

    assert EXPECTED == {
        (name, label, text): value(page, name, **{label: text}) for name, label, text in EXPECTED
    }
