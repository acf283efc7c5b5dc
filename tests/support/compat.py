"""Devices as readings, and what the compatibility mode makes of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from exporter.catalogue import CATALOGUE
from exporter.catalogue.dcgm import Generation, Type
from exporter.exposition import Samples
from exporter.node.asking import Versions
from exporter.node.collector import Group
from exporter.node.compat.counters import CountersFile
from exporter.node.compat.translator import Translator
from exporter.node.holding import Held
from exporter.node.reading import Reading
from exporter.node.snapshot import DeviceView, Snapshot

OLD, NEW = Generation.OLD, Generation.NEW
FAMILIES = {family.name: family for family in CATALOGUE}
WHOLE = "GPU-11111111-2222-3333-4444-555555555555"
CUT = "GPU-66666666-7777-8888-9999-000000000000"

Told = tuple[str, tuple[str, ...], float]
"""A family's name, the values of its own labels, and a value."""

INFO = ("NVIDIA H100 80GB HBM3", "nvidia", "hopper", "1650922", "00000000:1B:00.0", "0", "96.00.74")
H100: tuple[Told, ...] = (
    ("gpu_info", INFO, 1),
    ("gpu_clock_hertz", ("sm",), 1980e6),
    ("gpu_clock_hertz", ("memory",), 2619e6),
    ("gpu_temperature_celsius", ("gpu",), 41),
    ("gpu_temperature_celsius", ("memory",), 47),
    ("gpu_power_watts", (), 312.345),
    ("gpu_energy_joules_total", (), 123456.789),
    ("gpu_utilization_ratio", (), 0.29),
    ("gpu_memory_copy_utilization_ratio", (), 0.07),
    ("gpu_encoder_utilization_ratio", (), 0),
    ("gpu_decoder_utilization_ratio", (), 0),
    ("gpu_memory_total_bytes", (), 81559 * 2**20),
    ("gpu_memory_used_bytes", (), 40000 * 2**20),
    ("gpu_memory_free_bytes", (), 41000 * 2**20 + 4096),
    ("gpu_memory_reserved_bytes", (), 559 * 2**20),
    ("gpu_pcie_errors_total", ("replay",), 3),
    ("gpu_pcie_errors_total", ("fatal",), 9),
    ("gpu_xid_errors_total", ("79",), 0),
    ("gpu_remapped_rows_total", ("uncorrected",), 1),
    ("gpu_remapped_rows_total", ("corrected",), 2),
    ("gpu_row_remap_failed", (), 0),
    ("gpu_graphics_active_ratio", (), 0.5),
    ("gpu_tensor_active_ratio", (), 0.25),
    ("gpu_dram_active_ratio", (), 0.125),
    ("gpu_profiling_pcie_bytes_per_second", ("tx",), 1e9),
    ("gpu_profiling_pcie_bytes_per_second", ("rx",), 2e9),
    ("gpu_profiling_nvlink_bytes_per_second", ("tx",), 3e9),
    ("gpu_profiling_nvlink_bytes_per_second", ("rx",), 4e9),
)
"""An H100 at work, as its readings tell."""

MIG: tuple[Told, ...] = (
    ("gpu_info", (*INFO[:4], "00000000:43:00.0", *INFO[5:]), 1),
    ("gpu_temperature_celsius", ("gpu",), 38),
    ("gpu_power_watts", (), 150),
    ("gpu_memory_used_bytes", (), 10000 * 2**20),
    ("gpu_instance_info", ("9", "0", "MIG-0", "1g.10gb"), 1),
    ("gpu_instance_memory_used_bytes", ("9",), 800 * 2**20),
    ("gpu_instance_graphics_active_ratio", ("9",), 0.9),
    ("gpu_instance_tensor_active_ratio", ("9",), 0.3),
    ("gpu_instance_info", ("10", "0", "MIG-1", "1g.10gb"), 1),
    ("gpu_instance_memory_used_bytes", ("10",), 0),
)
"""One that is cut into two instances, the second of which idles."""


def snapshot(
    *devices: tuple[str, Sequence[Told]],
    held: Held | None = None,
    beside: Sequence[Told] = (),
    times: Mapping[Group, float] | None = None,
) -> Snapshot:
    """Return a snapshot of these devices, which are numbered from 0.

    Args:
        devices: UUIDs and readings.
        held: Who holds them.
        beside: What the first of them told by itself.
        times: When each group of all was read.
    """
    views = (
        DeviceView(
            uuid,
            index,
            up=True,
            readings=tuple(Reading(FAMILIES[name], value, own) for name, own, value in told),
            times=times or {},
        )
        for index, (uuid, told) in enumerate(devices)
    )
    versions = Versions("570.124.06", "12.570.124.06", "12.8")
    return Snapshot(
        "worker-1",
        versions,
        devices=tuple(views),
        held=held or Held(),
        beside=tuple(
            (FAMILIES[name], (devices[0][0], "0", "worker-1", *own), value)
            for name, own, value in beside
        ),
    )


def page(translator: Translator, of: Snapshot) -> str:
    """Return what a translator makes of a snapshot."""
    samples = Samples()
    for sample in translator.samples(of):
        samples.add(*sample)
    return samples.page().body.decode()


def values(text: str) -> Mapping[str, str]:
    """Return the value of every series of a page, by name; of several the last."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {re.split("[{ ]", line)[0]: line.rpartition(" ")[2] for line in lines}


def counters(path: Path, names: Iterable[str], type_: Type = Type.GAUGE) -> CountersFile:
    """Write a counters file that asks for these fields, and return it."""
    path.write_text("".join(f"{name}, {type_}, what it is\n" for name in names))
    return CountersFile(path)
