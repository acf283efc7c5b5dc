"""Device ids, as device plugins hand them out, in terms of the devices that are there.

Every id that can be meant is made from the devices and looked up: nothing is taken apart, so that
no text whatever names a device that is not there.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from exporter.node.holding import DeviceKey, Place

# A share of a device: of NVIDIA's device plugin (time-slicing, MPS), and of GKE's.
_REPLICA = re.compile(r"(?s)(.+?)::(.+)")
_VGPU = re.compile(r"(nvidia[0-9]+(?:/gi[0-9]+)?)/vgpu([0-9]+)")


class Found(NamedTuple):
    """A device, and which share of it: empty when it is not shared."""

    device: DeviceKey
    replica: str = ""


class Index:
    """The ids of some devices."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._devices: dict[str, DeviceKey | None] = {}
        for place in places:
            for text, device in _ids(place):
                # What two devices are called is the name of neither.
                self._devices[text] = device if self._devices.get(text, device) == device else None

    def find(self, text: str) -> Found | None:
        """Return what an id names; None when that is none of these devices."""
        shared = _REPLICA.fullmatch(text) or _VGPU.fullmatch(text)
        name, replica = shared.groups() if shared else (text, "")
        device = self._devices.get(name)
        return None if device is None else Found(device, replica)


def _ids(place: Place) -> Iterator[tuple[str, DeviceKey]]:
    whole = (place.uuid, None)
    yield place.uuid, whole
    yield str(place.index), whole
    if place.minor is not None:
        yield f"nvidia{place.minor}", whole
    for part in place.parts:
        device = (place.uuid, part.gpu_instance)
        yield part.uuid, device
        # What drivers before R470 and their device plugins call it.
        yield f"MIG-{place.uuid}/{part.gpu_instance}/{part.compute_instance}", device
        if part.index is not None:
            yield f"{place.index}:{part.index}", device
        if place.minor is not None:
            yield f"nvidia{place.minor}/gi{part.gpu_instance}", device
