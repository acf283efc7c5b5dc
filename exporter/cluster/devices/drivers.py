"""Which drivers of Dynamic Resource Allocation serve GPUs, and what they call them.

Sources: the drivers' own documentation and code (NVIDIA's k8s-dra-driver-gpu, AMD's
k8s-gpu-dra-driver, Intel's resource drivers). Drivers that are not in the table, such as
`compute-domain.nvidia.com` (channels between nodes), serve no GPUs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

WHOLE_TYPES = {
    "gpu.nvidia.com": frozenset({"gpu", "vfio"}),
    "gpu.amd.com": frozenset({"amdgpu", "vfio"}),
    "gpu.intel.com": frozenset({"gpu", "vfio"}),
}
"""Driver → the values of a device's attribute `type` that mean all of one GPU.

A device without the attribute is a whole GPU; any other value (`mig`, `amdgpu-partition`) is a
part of one. `vfio` is the same GPU once more, handed through to a virtual machine.
"""


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """What a device class that a driver brings along hands out.

    `gpus` is how many GPUs one device of it is; None when the profile asked for decides.
    """

    driver: str
    gpus: float | None


CLASSES = {
    "gpu.nvidia.com": DeviceClass("gpu.nvidia.com", 1.0),
    "vfio.gpu.nvidia.com": DeviceClass("gpu.nvidia.com", 1.0),
    "mig.nvidia.com": DeviceClass("gpu.nvidia.com", None),
    "gpu.amd.com": DeviceClass("gpu.amd.com", 1.0),
    "gpu.intel.com": DeviceClass("gpu.intel.com", 1.0),
}

_PROFILE = re.compile(r"(?:(?P<compute>\d{1,2})c\.)?(?P<slices>\d{1,2})g\.\d{1,4}gb")
_NAMED_PROFILE = re.compile(r"-mig-(?P<slices>\d{1,2})g\d{1,4}gb")
_PARTITION_TYPE = re.compile(r"amdgpu-partition|computePartition|partitionProfile")
_SLICES = 7.0
_SLICES_OF_SMALL = 4.0
# Four slices instead of seven; the A30's profiles are like no other GPU's.
_SMALL = re.compile(r"\bA30\b|RTX PRO 6000")
_SMALL_PROFILES = frozenset({"1g.6gb", "2g.12gb", "4g.24gb"})


def is_whole(driver: str, kind: str | None) -> bool:
    """Tell whether a device of a GPU driver is all of one GPU, by its attribute `type`."""
    return not kind or kind in WHOLE_TYPES[driver]


def profile_weight(profile: str, product: str = "") -> float | None:
    """Return the GPUs that a MIG profile is (`3g.40gb`: 3/7); None when it is no MIG profile.

    Args:
        profile: Its name, perhaps with a compute share (`1c.3g.40gb`) or a suffix (`+me`).
        product: The GPU's name, since some have four slices instead of seven.
    """
    match = _PROFILE.match(profile)
    if match is None:
        return None
    small = _SMALL.search(product) or match[0] in _SMALL_PROFILES
    slices = int(match["compute"] or match["slices"])
    return min(1.0, slices / (_SLICES_OF_SMALL if small else _SLICES))


def name_weight(device: str) -> float:
    """Return the GPUs of a device of which only the name is known: a MIG profile's, else one."""
    match = _NAMED_PROFILE.search(device)
    return min(1.0, int(match["slices"]) / _SLICES) if match else 1.0


def asked_weight(name: DeviceClass, expressions: Iterable[str]) -> float | None:
    """Return the GPUs that one device of a class is, as its selectors narrow it.

    Args:
        name: The class.
        expressions: The selectors' CEL; a MIG profile is found in it where only one is named.

    Returns:
        None when a part of a GPU is asked for and which one cannot be told.
    """
    text = "\n".join(expressions)
    profiles = {match[0] for match in _PROFILE.finditer(text)}
    if name.gpus is not None and not profiles:
        return None if _PARTITION_TYPE.search(text) else name.gpus
    return profile_weight(profiles.pop()) if len(profiles) == 1 else None
