"""Promises of the collectors of fabric and licences: from what a device answers to readings."""

from types import SimpleNamespace
from uuid import UUID

import pytest

from exporter import catalogue
from exporter.node.collectors import fabric, vgpu
from tests.exporter.node.test_health import device_of, read
from tests.support.fake_driver import FakeDevice


def _fabric(version: int, **members: object) -> FakeDevice:
    info = {"clusterUuid": bytes(range(16)), "status": 0, "cliqueId": 7, "state": 3}
    return device_of({f"GpuFabricInfo_v{version}": SimpleNamespace(**(info | members))})


def test_a_healthy_fabric() -> None:
    """A device that joined says which fabric it is in and that all its checks pass."""
    device = _fabric(3, healthMask=0b0101_0001_1010_1010, healthSummary=1)
    state, problem = catalogue.FABRIC_STATE, catalogue.FABRIC_PROBLEM

    assert [
        (state, ("not_started",), 0),
        (state, ("in_progress",), 0),
        (state, ("completed",), 1),
        (state, ("other",), 0),
        (catalogue.FABRIC_INFO, ("00010203-0405-0607-0809-0a0b0c0d0e0f", "7"), 1),
        (catalogue.FABRIC_ERROR, (), 0),
        (problem, ("degraded_bandwidth",), 0),
        (problem, ("route_recovery",), 0),
        (problem, ("route_unhealthy",), 0),
        (problem, ("access_timeout",), 0),
        (problem, ("no_partition",), 0),
        (problem, ("manager_disconnected",), 0),
        (problem, ("incorrect_configuration",), 0),
        (problem, ("limited_capacity",), 0),
        (catalogue.FABRIC_HEALTHY, (), 1),
    ] == read(fabric.collect, device)


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (_fabric(3, healthMask=0b01, healthSummary=2), {"degraded_bandwidth"}),
        (_fabric(3, healthMask=0, healthSummary=3), {"limited_capacity"}),
        (_fabric(2, healthMask=0b0100_0110), {"route_recovery", "access_timeout"}),
        (_fabric(2, healthMask=5 << 8), {"incorrect_configuration"}),
        (_fabric(2, healthMask=2 << 12 | 2 << 14), {"no_partition", "manager_disconnected"}),
        (_fabric(3, healthMask=0, healthSummary=1, status=999), set()),
    ],
    ids=["bandwidth", "limited", "routes", "configuration", "manager", "registration"],
)
def test_an_unhealthy_fabric(device: FakeDevice, expected: set[str]) -> None:
    """A device with trouble is not healthy, whether its driver sums that up or not."""
    found = read(fabric.collect, device)
    failing = {labels[0] for family, labels, value in found
               if family is catalogue.FABRIC_PROBLEM and value}  # fmt: skip

    assert expected == failing
    assert (catalogue.FABRIC_HEALTHY, (), 0) in found


@pytest.mark.parametrize(("number", "word"), [(1, "not_started"), (2, "in_progress"), (9, "other")])
def test_a_fabric_not_joined(number: int, word: str) -> None:
    """Until a device has joined, only how far it is is told."""
    found = read(fabric.collect, _fabric(3, state=number, healthMask=0, healthSummary=0))

    assert [word] == [labels[0] for _, labels, value in found if value]
    assert {catalogue.FABRIC_STATE} == {family for family, _, _ in found}


def test_without_a_fabric() -> None:
    """A device without a fabric says nothing of one, nor whether it is well of checks not done."""
    assert [] == read(fabric.collect, _fabric(3, state=0))
    assert catalogue.FABRIC_HEALTHY not in {
        family for family, _, _ in read(fabric.collect, _fabric(2, healthMask=0))
    }


def test_fabric_of_an_old_driver() -> None:
    """A driver that knows nothing of health tells at least where the device is."""
    info = SimpleNamespace(clusterUuid=bytes(16), status=0, cliqueId=7, state=3)
    found = read(fabric.collect, device_of({"GpuFabricInfo_v1": info}))

    assert (catalogue.FABRIC_INFO, (f"{UUID(int=0)}", "7"), 1) in found
    assert catalogue.FABRIC_HEALTHY not in {family for family, _, _ in found}


def test_vgpus_of_a_host() -> None:
    """A host tells how many vGPUs run and how busy each was last; one without any tells zero."""

    def sample(vgpu: int, moment: int, sm: int) -> SimpleNamespace:
        values = {"smUtil": sm, "memUtil": 10, "encUtil": 0, "decUtil": 2**32 - 1}
        used = {name: SimpleNamespace(uiVal=value) for name, value in values.items()}
        return SimpleNamespace(vgpuInstance=vgpu, timeStamp=moment, **used)

    samples = [sample(5, 2, 50), sample(5, 1, 40)]
    device = device_of({"ActiveVgpus": [5, 6], "VgpuUtilization": samples})

    assert [
        (catalogue.VGPUS, (), 2),
        (catalogue.VGPU_UTILIZATION, ("5", "sm"), 0.5),
        (catalogue.VGPU_UTILIZATION, ("5", "memory"), 0.1),
        (catalogue.VGPU_UTILIZATION, ("5", "encoder"), 0),
    ] == read(vgpu.host, device)
    assert [(catalogue.VGPUS, (), 0)] == read(vgpu.host, device_of({"ActiveVgpus": []}))


def test_vgpu_licences() -> None:
    """Each feature is licensed or not, and until when where there is an end."""

    def feature(code: int, enabled: int, status: int, month: int = 2) -> SimpleNamespace:
        expiry = SimpleNamespace(year=2031, month=month, day=3, hour=4, min=5, sec=6, status=status)
        return SimpleNamespace(featureCode=code, featureEnabled=enabled, licenseExpiry=expiry)

    features = [feature(1, 1, 2), feature(4, 0, 4), feature(2, 1, 2, month=13), feature(3, 1, 2)]
    licensable = SimpleNamespace(
        isGridLicenseSupported=1, licensableFeaturesCount=3, gridLicensableFeatures=features
    )

    assert [
        (catalogue.VGPU_LICENSED, ("vgpu",), 1),
        (catalogue.VGPU_LICENSE_EXPIRY, ("vgpu",), 1927857906),
        (catalogue.VGPU_LICENSED, ("compute",), 0),
        (catalogue.VGPU_LICENSED, ("rtx",), 1),
    ] == read(vgpu.collect, device_of({"GridLicensableFeatures": licensable}))
