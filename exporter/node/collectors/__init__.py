"""All collectors: one per file, in the order of a scrape."""

from collections.abc import Collection

from exporter.node.collector import Collector
from exporter.node.collectors import (
    accounting,
    bar1,
    c2c,
    clock_events,
    clocks,
    codecs,
    ecc,
    energy,
    fabric,
    fans,
    identity,
    memory,
    mig,
    modes,
    nvlink,
    nvlink_fec,
    p2p,
    pcie,
    pcie_throughput,
    power,
    process_details,
    processes,
    profiling,
    recovery,
    remapped_rows,
    retired_pages,
    sram_ecc,
    temperature,
    utilization,
    vgpu,
    xid,
)

COLLECTORS: tuple[Collector, ...] = (
    mig.COLLECTOR,  # finds the instances that the others read
    identity.COLLECTOR,
    utilization.COLLECTOR,
    codecs.COLLECTOR,
    memory.COLLECTOR,
    bar1.COLLECTOR,
    temperature.COLLECTOR,
    fans.COLLECTOR,
    power.COLLECTOR,
    energy.COLLECTOR,
    clocks.COLLECTOR,
    clock_events.COLLECTOR,
    modes.COLLECTOR,
    pcie.COLLECTOR,
    pcie_throughput.COLLECTOR,
    xid.COLLECTOR,
    recovery.COLLECTOR,
    ecc.COLLECTOR,
    sram_ecc.COLLECTOR,
    remapped_rows.COLLECTOR,
    retired_pages.COLLECTOR,
    fabric.COLLECTOR,
    nvlink.COLLECTOR,
    nvlink_fec.COLLECTOR,
    c2c.COLLECTOR,
    p2p.COLLECTOR,
    vgpu.COLLECTOR,
    profiling.COLLECTOR,
    processes.COLLECTOR,
    process_details.COLLECTOR,
    accounting.COLLECTOR,
)


def enabled(names: Collection[str]) -> tuple[Collector, ...]:
    """Return the collectors of these names, in the order of a scrape."""
    return tuple(collector for collector in COLLECTORS if collector.name in names)


DEFAULT = tuple(collector for collector in COLLECTORS if collector.default)
"""Those that run when nothing is said."""
