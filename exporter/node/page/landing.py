"""The node role on the landing page: what works, what does not, and why."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from exporter.catalogue import DEVICE, DEVICE_INFO
from exporter.node.collector import Collector, Group
from exporter.node.known import REMEDIES
from exporter.node.page.wording import folded, ranges
from exporter.node.snapshot import DeviceView, Snapshot
from exporter.tables import Table

_READ = tuple(f"{group} read" for group in Group)
_MODEL = DEVICE_INFO.labels.index("model") - len(DEVICE)


def tables(
    snapshot: Snapshot, collectors: Sequence[Collector], running: Sequence[Collector], now: float
) -> tuple[Table, ...]:
    """Return the tables.

    Args:
        snapshot: What is known.
        collectors: All there are.
        running: Those that run.
        now: In Unix seconds.
    """
    return (
        Table(
            "Devices",
            ("gpu", "uuid", "model", "state", "since", *_READ, "what to do"),
            tuple(_device(device, now) for device in snapshot.devices),
        ),
        Table(
            "Collectors",
            ("collector", "reads", "runs", "last took", "last error"),
            tuple(_collector(each, running, snapshot) for each in collectors),
        ),
        Table(
            "Not supported by the device or its driver",
            ("collector", "NVML was asked for", "and says", "gpu"),
            tuple(_unsupported(snapshot.devices)),
        ),
        *snapshot.held.tables,
    )


def _device(device: DeviceView, now: float) -> tuple[str, ...]:
    models = (each.labels[_MODEL] for each in device.readings if each.family is DEVICE_INFO)
    state = {True: "up", False: f"down: {device.reason}", None: "not read"}[device.up]
    ages = (
        f"{now - device.times[group]:.0f} s ago" if group in device.times else "" for group in Group
    )
    since = "" if device.since is None else _instant(device.since)
    remedy = REMEDIES.get(device.reason, "")
    return (str(device.index), device.uuid, next(models, ""), state, since, *ages, remedy)


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _unsupported(devices: Sequence[DeviceView]) -> Iterator[tuple[str, ...]]:
    """Yield rows; what the same devices refuse a collector for the same reason is one."""
    asked: dict[tuple[str, str, str], list[int]] = {}
    for device in devices:
        for outcome in device.outcomes:
            for question in dict.fromkeys(outcome.unsupported):
                what, _, why = question.partition(": ")
                asked.setdefault((outcome.collector, why, what), []).append(device.index)
    rows: dict[tuple[str, str, str], list[str]] = {}
    for (collector, why, what), indices in asked.items():
        rows.setdefault((collector, why, ranges(indices)), []).append(what)
    for (collector, why, gpus), questions in rows.items():
        yield collector, folded(questions), why, gpus


def _collector(
    collector: Collector, running: Sequence[Collector], snapshot: Snapshot
) -> tuple[str, ...]:
    outcomes = (each for each in snapshot.outcomes if each.collector == collector.name)
    outcome = next(outcomes, None)
    return (
        collector.name,
        collector.help,
        "yes" if collector in running else f"no: --collector.{collector.name}",
        "" if outcome is None else f"{1000 * outcome.seconds:.1f} ms",
        "" if outcome is None else outcome.error or "",
    )
