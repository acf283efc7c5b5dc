"""A device of a known model cut into MIG instances, and what performance monitors say of work."""

from dataclasses import replace

from demo.nvml.products import Model
from demo.nvml.scenario import Device
from demo.nvml.tenants import Gpm, Instance, Mig, Process, Processes
from demo.nvml.values import Noise, Value

_GIB = 1024**3
_SLICES = {"1g": (1, 8), "2g": (2, 4), "3g": (3, 2), "4g": (4, 2), "7g": (7, 1)}
"""Slices of the device that a profile has, and how many parts of its memory there are."""

_PID = 5_000_100
"""No machine has processes of its own with such ids."""

_TRAINING = {1: 1.0, 2: 0.85, 3: 0.3, 4: 0.2, 5: 0.5, 7: 0.5, 10: 0.4, 11: 0, 12: 0.15, 13: 0.05}
"""Share of the time that work uses, by nvmlGpmMetricId_t, of those in percent."""


def activity(busy: float, seed: int) -> dict[int, Value]:
    """Return GPM metrics of something that is *busy* so much of the time, 0 to 1."""
    return {
        metric: Noise(90 * share * busy, 100 * share * busy, 10, seed + metric)
        for metric, share in _TRAINING.items()
    }


def traffic(model: Model, busy: float, seed: int) -> dict[int, Value]:
    """Return GPM metrics of what goes over PCIe and all NVLinks, sent and received, in MiB/s."""
    link = model.links * model.link_speed
    most = {20: 4_000, 21: 8_000, **({60: 0.3 * link, 61: 0.3 * link} if link else {})}
    return {
        metric: Noise(0.8 * rate * busy, rate * busy, 10, seed + metric)
        for metric, rate in most.items()
    }


def cut(whole: Device, model: Model, *profiles: str, busy: float) -> Device:
    """Return the device cut into MIG instances, each with a process that keeps it *busy*.

    Args:
        whole: The device, as `models.device` returns it.
        model: What it is.
        profiles: The instances: `3g`, `1g`.
        busy: Share of the time kernels run, 0 to 1.
    """
    instances = tuple(
        _instance(whole.uuid, model, number, profile, busy)
        for number, profile in enumerate(profiles, 1)
    )
    processes = tuple(Process(_PID + each.gpu, _GIB, gpu=each.gpu) for each in instances)
    kept = tuple(part for part in whole.parts if not isinstance(part, Gpm | Processes | Mig))
    return replace(whole, parts=(*kept, Mig(instances=instances), Processes(processes)))


def _instance(uuid: str, model: Model, number: int, profile: str, busy: float) -> Instance:
    slices, parts = _SLICES[profile]
    memory = (model.memory_total - model.memory_reserved) // parts
    return Instance(
        gpu=number,
        uuid=f"MIG-{uuid.removeprefix('GPU-')}-{number}",
        profile=f"{profile}.{round(model.memory_total / parts / _GIB)}gb",
        memory_total=memory,
        memory_used=round(memory * busy * 0.9),
        multiprocessors=16 * slices,
        gpm=activity(busy, number),
    )
