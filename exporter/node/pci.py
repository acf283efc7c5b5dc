"""How many NVIDIA GPUs the node's PCI bus has, whatever the driver makes of them."""

from pathlib import Path

BUS = Path("/sys/bus/pci/devices")
_VENDOR = "0x10de"
_CLASSES = ("0x0300", "0x0302")
"""Display and 3D controllers."""


def gpus(bus: Path = BUS) -> int | None:
    """Return how many there are; None when none can be seen. The devices are not touched by it."""
    try:
        return sum(map(_is_gpu, bus.iterdir())) or None
    except OSError:
        return None


def _is_gpu(device: Path) -> bool:
    try:
        if (device / "vendor").read_text().strip() != _VENDOR:
            return False
        # A virtual function is a part of one that counts already.
        is_whole = not (device / "physfn").exists()
        return is_whole and (device / "class").read_text().startswith(_CLASSES)
    except OSError:  # it is being taken out
        return False
