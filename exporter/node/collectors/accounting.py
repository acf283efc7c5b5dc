"""What the driver remembers of processes, of ended ones too: summaries of jobs.

Only where accounting is switched on (`nvidia-smi -am 1`), and then a call per process that is
remembered: so only when asked for.
"""

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from exporter.catalogue import (
    ACCOUNTING_CAPACITY,
    ACCOUNTING_MEMORY,
    ACCOUNTING_MODE,
    ACCOUNTING_PROCESSES,
    ACCOUNTING_START,
    ACCOUNTING_TIME,
    ACCOUNTING_UTILIZATION,
)
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.reading import Reading, each, single
from exporter.node.units import count, flag, moment, ratio, size, thousandth

MOST = 64
"""Ended processes of one device that are told of one by one: those that began last."""


def collect(device: Device) -> Iterator[Reading]:
    """Yield whether accounts are kept, how many, and those of the newest ended processes."""
    mode = device.ask("AccountingMode")
    yield from single(ACCOUNTING_MODE, flag(mode))
    if not flag(mode):
        return
    yield from single(ACCOUNTING_CAPACITY, count(device.ask("AccountingBufferSize")))
    accounts = device.ask("Accounts")
    if accounts is None:
        return
    ended = [(pid, stats) for pid, stats in accounts if not stats.isRunning]
    numbers = {"running": len(accounts) - len(ended), "ended": len(ended)}
    yield from each(ACCOUNTING_PROCESSES, numbers)
    newest = sorted(((stats.startTime, pid, stats) for pid, stats in ended), key=itemgetter(0, 1))
    for _, pid, stats in newest[-MOST:]:
        yield from _summary(str(pid), stats)


def _summary(pid: str, stats: Any) -> Iterator[Reading]:
    yield from single(ACCOUNTING_START, moment(stats.startTime), pid)
    yield from single(ACCOUNTING_TIME, thousandth(count(stats.time)), pid)
    yield from single(ACCOUNTING_MEMORY, size(stats.maxMemoryUsage), pid)
    used = {"sm": ratio(stats.gpuUtilization), "memory": ratio(stats.memoryUtilization)}
    yield from each(ACCOUNTING_UTILIZATION, used, pid)


COLLECTOR = Collector(
    "accounting",
    "what the driver remembers of ended processes",
    (Part(Group.SLOW, collect),),
    default=False,
)
