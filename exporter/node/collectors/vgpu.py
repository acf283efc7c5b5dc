"""vGPUs: on their host how many there are and how busy each is, inside of one its licence."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from exporter.catalogue import VGPU_LICENSE_EXPIRY, VGPU_LICENSED, VGPU_UTILIZATION, VGPUS
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each, single
from exporter.node.units import ratio, within

_FEATURES = {0: "unknown", 1: "vgpu", 2: "rtx", 3: "gaming", 4: "compute", 5: "vgamedev"}
"""nvmlGridLicenseFeatureCode_t."""
_VALID = 2
"""NVML_GRID_LICENSE_EXPIRY_VALID: there is a time at which the licence ends."""


MOST = 64
"""vGPUs of one device that are told of one by one: no device has more than 32."""
_RECENT = 30
"""Seconds back from now: as old as a reading of this group may be."""
_ENGINES = {"sm": "smUtil", "memory": "memUtil", "encoder": "encUtil", "decoder": "decUtil"}


def host(device: Device) -> Iterator[Reading]:
    """Yield how many vGPUs run, and how busy each is."""
    asked = Gathering(device)
    active = asked.ask("ActiveVgpus")
    yield from single(VGPUS, None if active is None else len(active))
    # Only where there are any: elsewhere the driver refuses to sample them.
    samples = asked.ask("VgpuUtilization", _RECENT) if active else None
    newest = {one.vgpuInstance: one for one in sorted(samples or (), key=attrgetter("timeStamp"))}
    for vgpu, sample in sorted(newest.items())[:MOST]:
        # What type the values are is lost in the binding; the driver gives percents in 32 bits.
        used = {word: ratio(getattr(sample, key).uiVal) for word, key in _ENGINES.items()}
        yield from each(VGPU_UTILIZATION, used, str(vgpu))
    asked.settle()


def collect(device: Device) -> Iterator[Reading]:
    """Yield every feature that needs a licence."""
    licensable = device.ask("GridLicensableFeatures")
    if licensable is None or not licensable.isGridLicenseSupported:
        return
    features = licensable.gridLicensableFeatures[: licensable.licensableFeaturesCount]
    by_name = {_FEATURES.get(feature.featureCode, "other"): feature for feature in features}
    for name, feature in by_name.items():
        yield Reading(VGPU_LICENSED, bool(feature.featureEnabled), (name,))
        yield from single(VGPU_LICENSE_EXPIRY, _expiry(feature.licenseExpiry), name)


def _expiry(expiry: Any) -> float | None:
    if expiry.status != _VALID:
        return None
    parts = (expiry.year, expiry.month, expiry.day, expiry.hour, expiry.min, expiry.sec)
    try:
        return within(datetime(*parts, tzinfo=UTC).timestamp(), 0, math.inf)
    except ValueError:
        return None


COLLECTOR = Collector(
    "vgpu",
    "vGPUs on their host, and their licences",
    (Part(Group.MEDIUM, host), Part(Group.SLOW, collect)),
)
