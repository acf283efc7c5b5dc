"""Promises of single functions: each is answered in the layout that nvidia-ml-py expects."""

import ctypes
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pynvml
import pytest

from demo.nvml.build import build
from demo.nvml.models import H100, MODELS, T4, V100, device
from demo.nvml.scenario import OLD_DRIVER, Ailment, Device, Fault
from tests.support.full_device import FULL

Play = Callable[..., None]
UUID = "GPU-a"
ANSWERS: dict[str, tuple[tuple[int, ...], object]] = {
    "BoardPartNumber": ((), "900-1"),
    "InforomImageVersion": ((), "G520"),
    "GspFirmwareVersion": ((), b"570.1"),
    "GspFirmwareMode": ((), [1, 1]),
    "CudaComputeCapability": ((), (9, 0)),
    "NumaNodeId": ((), 1),
    "ModuleId": ((), 2),
    "BoardId": ((), 3),
    "MultiGpuBoard": ((), 0),
    "NumGpuCores": ((), 16896),
    "MemoryBusWidth": ((), 5120),
    "EncoderUtilization": ((), [1, 167000]),
    "DecoderUtilization": ((), [2, 167000]),
    "JpgUtilization": ((), [3, 167000]),
    "OfaUtilization": ((), [4, 167000]),
    "EncoderStats": ((), (1, 60, 900)),
    "MarginTemperature": ((), -4),
    "TemperatureThreshold": ((2,), 95),
    "CurrentClocksEventReasons": ((), 4),
    "SupportedClocksEventReasons": ((), 511),
    "CurrentClocksThrottleReasons": ((), 4),
    "SupportedClocksThrottleReasons": ((), 511),
    "PerformanceState": ((), 2),
    "PowerState": ((), 2),
    "ComputeMode": ((), 3),
    "DisplayMode": ((), 0),
    "DisplayActive": ((), 1),
    "PowerManagementMode": ((), 1),
    "VirtualizationMode": ((), 2),
    "PcieReplayCounter": ((), 6),
    "CurrPcieLinkGeneration": ((), 3),
    "MaxPcieLinkGeneration": ((), 4),
    "GpuMaxPcieLinkGeneration": ((), 5),
    "CurrPcieLinkWidth": ((), 8),
    "MaxPcieLinkWidth": ((), 16),
    "PcieSpeed": ((), 15754),
    "PcieLinkMaxSpeed": ((), 5),
    "PcieThroughput": ((1,), 200),
    "EccMode": ((), [1, 0]),
    "DefaultEccMode": ((), [1]),
    "TotalEccErrors": ((1, 0), 2),
    "MemoryErrorCounter": ((1, 1, 2), 5),
    "RetiredPages": ((0,), [4096, 4097]),
    "RetiredPagesPendingStatus": ((), 1),
    "RemappedRows": ((), (1, 2, 1, 0)),
    "RepairStatus": ((), [1, 0]),
    "UnrepairableMemoryFlag_v1": ((), 1),
    "NumFans": ((), 2),
    "FanSpeed": ((), 30),
    "FanSpeed_v2": ((1,), 110),
    "FanSpeedRPM": ((), 1500),
    "NvLinkState": ((1,), 0),
    "NvLinkVersion": ((1,), 4),
    "NvLinkCapability": ((0, 5), 1),
    "NvLinkRemoteDeviceType": ((1,), 2),
    "NvLinkErrorCounter": ((1, 3), 9),
}


def _first(play: Play, shown: Device = FULL, **system: object) -> object:
    play(shown, **system)
    pynvml.nvmlInit()
    return pynvml.nvmlDeviceGetHandleByIndex(0)


def _members(struct: ctypes.Structure, *left_out: str) -> list[object]:
    return [getattr(struct, name) for name, *_ in struct._fields_ if name not in left_out]


def _answer(handle: object, name: str, arguments: tuple[int, ...] = ()) -> object:
    return getattr(pynvml, f"nvmlDeviceGet{name}")(handle, *arguments)


def test_every_function_is_one_of_nvml() -> None:
    """Every exported function is called by nvidia-ml-py under this name."""
    known = set(re.findall(r'"(nvml\w+)"', Path(pynvml.__file__).read_text()))
    result = subprocess.run(
        ["nm", "-D", "--defined-only", build()], capture_output=True, text=True, check=True
    )
    exported = set(re.findall(r" T (nvml\w+)", result.stdout))

    assert set() == exported - known
    assert len(exported) > 80


def test_numbers_and_texts(play: Play) -> None:
    """Every function that answers with numbers or a text does so where its caller looks for it."""
    handle = _first(play)

    assert {name: answer for name, (_, answer) in ANSWERS.items()} == {
        name: _answer(handle, name, arguments) for name, (arguments, _) in ANSWERS.items()
    }
    assert "3.0" == pynvml.nvmlDeviceGetInforomVersion(handle, pynvml.NVML_INFOROM_POWER)


def test_structs(play: Play) -> None:
    """Every member of a struct stands where its caller looks for it."""
    handle = _first(play)
    histogram = pynvml.nvmlDeviceGetRowRemapperHistogram(handle)
    bar1 = pynvml.nvmlDeviceGetBAR1MemoryInfo(handle)
    pci = pynvml.nvmlDeviceGetPciInfo(handle)
    (licence,) = pynvml.nvmlDeviceGetGridLicensableFeatures(handle).gridLicensableFeatures[:1]
    sram = pynvml.c_nvmlEccSramErrorStatus_v1_t()
    pynvml.nvmlDeviceGetSramEccErrorStatus(handle, ctypes.byref(sram))
    pages = pynvml.nvmlDeviceGetRetiredPages_v2(handle, 1)

    assert [2560, 4, 3, 2, 1] == _members(histogram)
    assert [64, 40, 24] == _members(bar1)
    assert ("00000000:1A:00.0", 0x1A, 0x233010DE) == (pci.busId, pci.bus, pci.pciDeviceId)
    assert (3, 1, 1, "vCS") == (licence.featureCode, licence.featureState, licence.featureEnabled,
                                licence.productName)  # fmt: skip
    assert [*range(1, 12), 1] == _members(sram, "version")
    assert (12, 4096 + 11) == (len(pages), pages[-1]["address"])
    assert 5 == pynvml.nvmlDeviceGetP2PStatus(handle, handle, 0)


@pytest.mark.parametrize("version", [2, 3])
def test_fabric(play: Play, version: int) -> None:
    """The fabric is told in the second and in the third version of its struct."""
    handle = _first(play)
    info = getattr(pynvml, f"c_nvmlGpuFabricInfo_v{version}_t")()
    pynvml.nvmlDeviceGetGpuFabricInfoV(handle, ctypes.byref(info))

    assert "00112233445566778899aabbccddeeff" == bytes(info.clusterUuid).hex()
    assert [0, 7, 3, 0x1AA, 1][: version + 2] == _members(info, "version", "clusterUuid")


def test_fields_follow(play: Play) -> None:
    """A field that is another function's quantity has the same value as that."""
    handle = _first(play)
    asked = {3: 1, 25: 0, 22: 0, 23: 5, 29: 2, 30: 12, 31: 1, 74: 7, 91: 2, 94: 6, 142: 1, 143: 2,
             (138, 1): 5, (165, 0): 1, (163, 1): 0, 230: 1, 271: 8}  # fmt: skip
    answers = pynvml.nvmlDeviceGetFieldValues(handle, list(asked))
    seen = {key: answer.value.ullVal for key, answer in zip(asked, answers, strict=True)}
    absent = {key for key, answer in zip(asked, answers, strict=True) if answer.nvmlReturn}

    assert asked == seen
    assert {22, 25, (163, 1)} == absent


def test_what_is_not_named_is_not_supported(play: Play) -> None:
    """A device of which little is said answers everything else with "not supported"."""
    handle = _first(play, Device(UUID))
    answered = set()
    for name, (arguments, _) in ANSWERS.items():
        try:
            _answer(handle, name, arguments)
        except pynvml.NVMLError_NotSupported:
            continue
        answered.add(name)

    assert {"GspFirmwareMode"} == answered


def test_old_driver(play: Play) -> None:
    """An old driver does not find new functions; those it has always had work."""
    handle = _first(play, FULL, absent=OLD_DRIVER)

    with pytest.raises(pynvml.NVMLError_FunctionNotFound):
        pynvml.nvmlDeviceGetRemappedRows(handle)
    assert 511 == pynvml.nvmlDeviceGetSupportedClocksThrottleReasons(handle)
    assert [1, 0] == pynvml.nvmlDeviceGetEccMode(handle)


def test_generations(play: Play) -> None:
    """Products have what their generation has: pages or rows, thresholds or T.limits, a fabric."""
    play(*(device(model, f"GPU-{n}", n, busy=0.5) for n, model in enumerate((H100, V100, T4))))
    pynvml.nvmlInit()
    hopper, volta, turing = map(pynvml.nvmlDeviceGetHandleByIndex, range(3))
    asked = ("RemappedRows", "RetiredPagesPendingStatus", "MarginTemperature", "JpgUtilization")

    def supported(handle: object) -> list[str]:
        return [name for name in asked if _supports(handle, name)]

    assert ["RemappedRows", "MarginTemperature", "JpgUtilization"] == supported(hopper)
    assert ["RetiredPagesPendingStatus"] == supported(volta)
    assert ["RetiredPagesPendingStatus", "JpgUtilization"] == supported(turing)
    assert 92 == pynvml.nvmlDeviceGetTemperatureThreshold(volta, 0)
    assert -8 == pynvml.nvmlDeviceGetFieldValues(hopper, [193])[0].value.siVal


def test_all_links(play: Play) -> None:
    """A model's links are all there when asked for, and none by default."""
    several = [device(model, f"GPU-{n}", n, busy=0.5, nvlinks=99)
               for n, model in enumerate(MODELS.values())]  # fmt: skip
    play(*several)
    pynvml.nvmlInit()
    handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(len(several)))
    counts = [pynvml.nvmlDeviceGetFieldValues(handle, [91])[0].value.uiVal for handle in handles]

    assert [18, 18, 18, 12, 0, 6, 0] == counts
    assert () == device(H100, UUID, 0, busy=0.5).nvlinks


def test_fault_of_a_field(play: Play) -> None:
    """One field may fail while the others of the same call answer."""
    handle = _first(play, Device(UUID, power=1.0, faults=(Fault("field.186", Ailment.GPU_LOST),)))
    average, instant = pynvml.nvmlDeviceGetFieldValues(handle, [185, 186])

    assert (0, 1000, 15) == (average.nvmlReturn, average.value.uiVal, instant.nvmlReturn)


def _supports(handle: object, name: str) -> bool:
    try:
        _answer(handle, name)
    except pynvml.NVMLError_NotSupported:
        return False
    return True
