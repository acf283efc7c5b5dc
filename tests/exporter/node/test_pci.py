"""Promises of what is counted on the PCI bus."""

from dataclasses import replace
from pathlib import Path

from exporter.node import pci
from tests.support.collecting import OPTIONS, Stand
from tests.support.fake_driver import FakeDevice
from tests.support.nvml import value


def _plug(bus: Path, name: str, vendor: str, class_: str) -> Path:
    device = bus / name
    device.mkdir()
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text(f"{class_}\n")
    return device


def test_nvidias_gpus_count(tmp_path: Path) -> None:
    """Display and 3D controllers of NVIDIA's count; not its NVSwitches, nor parts of a GPU."""
    _plug(tmp_path, "0000:1b:00.0", "0x10de", "0x030200")
    _plug(tmp_path, "0000:1c:00.0", "0x10de", "0x030000")
    _plug(tmp_path, "0000:1d:00.0", "0x10de", "0x068000")
    _plug(tmp_path, "0000:1e:00.0", "0x1a03", "0x030000")
    (_plug(tmp_path, "0000:1b:00.4", "0x10de", "0x030200") / "physfn").mkdir()
    (tmp_path / "0000:1f:00.0").mkdir()

    assert 2 == pci.gpus(tmp_path)


def test_a_bus_that_cannot_be_seen(tmp_path: Path) -> None:
    """Nothing is said of one that is not there or has none: a virtual bus may hide them."""
    assert pci.gpus(tmp_path / "none") is None
    assert pci.gpus(tmp_path) is None


def test_a_device_that_the_driver_never_enumerated(tmp_path: Path) -> None:
    """One that the driver failed to start is missed: there are more than it enumerates."""
    for number in range(2):
        _plug(tmp_path, f"0000:1b:00.{number}", "0x10de", "0x030200")
    page = Stand(FakeDevice("GPU-a"), options=replace(OPTIONS, pci=tmp_path)).collect()

    assert (1, 2) == (value(page, "gpu_devices"), value(page, "gpu_pci_devices"))
