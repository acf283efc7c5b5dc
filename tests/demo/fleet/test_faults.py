"""What befalls a device of the demo is what its driver shows, until it is well again."""

from pathlib import Path

import pytest

from demo.fleet.drivers import Drivers
from demo.fleet.faults import FAULTS
from demo.fleet.placement import Machine

_MACHINES = [Machine("n1", 1, 1, 2, "NVIDIA H100 80GB HBM3")]
_LOADS = {"n1": [0.5, 0.5]}


@pytest.fixture(name="drivers")
def _drivers(tmp_path: Path) -> Drivers:
    return Drivers(tmp_path, _MACHINES)


def _devices(folder: Path) -> list[str]:
    return (folder / "n1.ini").read_text().split("[device]")[1:]


@pytest.mark.parametrize("fault", FAULTS)
def test_only_the_device_itself_ails(drivers: Drivers, tmp_path: Path, fault: str) -> None:
    """Its neighbour shows what it showed; once well again, so does the device."""
    drivers.show(_LOADS)
    well = _devices(tmp_path)
    drivers.befall("n1", 1, fault)
    drivers.show(_LOADS)
    ailing = _devices(tmp_path)
    drivers.befall("n1", 1, None)
    drivers.show(_LOADS)

    assert well[0] == ailing[0]
    assert well[1] != ailing[1]
    assert well == _devices(tmp_path)


def test_what_happens_happens_once(drivers: Drivers, tmp_path: Path) -> None:
    """A load that changes does not bring the same XID again."""
    drivers.befall("n1", 0, "fell_off_the_bus")
    drivers.show(_LOADS)
    told = _devices(tmp_path)
    drivers.show({"n1": [0.9, 0.9]})

    assert "event = xid 79 from=0 count=1" in told[0]
    assert told == _devices(tmp_path)


@pytest.mark.parametrize(
    ("node", "gpu", "fault", "why"),
    [("n2", 0, "stuck", "no GPU 0 on a node n2"), ("n1", 2, "stuck", "no GPU 2 on a node n1")],
)
def test_a_device_that_is_not_there(
    drivers: Drivers, node: str, gpu: int, fault: str, why: str
) -> None:
    """Is said not to be."""
    with pytest.raises(LookupError, match=why):
        drivers.befall(node, gpu, fault)


def test_a_fault_that_is_unknown(drivers: Drivers) -> None:
    """Those that are known are named."""
    with pytest.raises(LookupError, match="there are fell_off_the_bus, uncorrectable_ecc"):
        drivers.befall("n1", 0, "gone")
