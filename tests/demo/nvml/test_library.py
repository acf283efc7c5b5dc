"""Promises of the shared library, asked through nvidia-ml-py."""

import time
from collections.abc import Callable
from pathlib import Path

import pynvml
import pytest

from demo.nvml.scenario import (
    Ailment,
    Count,
    Device,
    Fault,
    Integral,
    Noise,
    Ramp,
    Typed,
    Value,
    Wave,
)

Play = Callable[..., None]
UUID = "GPU-a"


def _first() -> object:
    return pynvml.nvmlDeviceGetHandleByIndex(0)


def _started(play: Play, **quantities: Value) -> object:
    play(Device(UUID, **quantities))  # type: ignore[arg-type]
    pynvml.nvmlInit()
    return _first()


def test_the_same_time_shows_the_same_value(play: Play) -> None:
    """A wave is the same for everybody who looks at the same time."""
    play(
        Device("GPU-a", power=Wave(100, 300, 60, 7)), Device("GPU-b", power=Wave(100, 300, 60, 67))
    )
    pynvml.nvmlInit()
    watts = [pynvml.nvmlDeviceGetPowerUsage(pynvml.nvmlDeviceGetHandleByIndex(i)) for i in (0, 1)]

    assert watts[0] == pytest.approx(watts[1], abs=2000)


@pytest.mark.parametrize("power", [Wave(100, 300, 0.01), Noise(100, 300, 0.01, 3)])
def test_moving_values_stay_between_their_bounds(play: Play, power: Value) -> None:
    """A wave or noise moves, and never leaves its bounds."""
    device = _started(play, power=power)
    seen = {pynvml.nvmlDeviceGetPowerUsage(device) for _ in range(2000)}

    assert len(seen) > 10
    assert 100_000 <= min(seen) <= max(seen) <= 300_000


def test_ramp(play: Play) -> None:
    """A ramp ends at its end and stays there."""
    device = _started(play, temperature=Ramp(30, 80, 0.001))
    while pynvml.nvmlDeviceGetTemperatureV(device, 0) < 80:
        pass

    assert 80 == pynvml.nvmlDeviceGetTemperature(device, 0)


def test_energy_never_falls(play: Play) -> None:
    """Energy grows with power and goes on from where it was when the file is replaced."""
    device = _started(play, power=1_000_000.0, energy=Integral(5))
    seen = [pynvml.nvmlDeviceGetTotalEnergyConsumption(device)]
    while seen[-1] < 20_000:
        seen.append(pynvml.nvmlDeviceGetTotalEnergyConsumption(device))
    play(Device(UUID, power=1.0, energy=Integral(0)))
    seen.append(pynvml.nvmlDeviceGetTotalEnergyConsumption(device))

    assert 5_000 == seen[0]
    assert sorted(seen) == seen


@pytest.mark.parametrize(
    ("ailment", "code"),
    [
        (Ailment.UNINITIALIZED, 1),
        (Ailment.NOT_SUPPORTED, 3),
        (Ailment.NO_PERMISSION, 4),
        (Ailment.NOT_FOUND, 6),
        (Ailment.DRIVER_NOT_LOADED, 9),
        (Ailment.CORRUPTED_INFOROM, 14),
        (Ailment.GPU_LOST, 15),
        (Ailment.RESET_REQUIRED, 16),
        (Ailment.DRIVER_MISMATCH, 18),
        (Ailment.UNKNOWN, 999),
    ],
)
def test_ailments(play: Play, ailment: Ailment, code: int) -> None:
    """Each ailment is the NVML code of that name, for the call it is given for and no other."""
    device = _started(play, power=100.0, temperature=40)
    play(Device(UUID, power=100.0, temperature=40, faults=(Fault("PowerUsage", ailment),)))
    with pytest.raises(pynvml.NVMLError) as caught:
        pynvml.nvmlDeviceGetPowerUsage(device)

    assert code == caught.value.value
    assert 40 == pynvml.nvmlDeviceGetTemperature(device, 0)


def test_a_fault_may_begin_later(play: Play) -> None:
    """A fault with a time does not happen before."""
    device = _started(play, power=100.0)
    play(Device(UUID, power=100.0, faults=(Fault("*", Ailment.GPU_LOST, since=3600),)))

    assert 100_000 == pynvml.nvmlDeviceGetPowerUsage(device)


def test_a_hang_ends(play: Play) -> None:
    """A call that hangs for a while then answers as usual."""
    device = _started(play, power=100.0)
    play(Device(UUID, power=100.0, faults=(Fault("PowerUsage", Ailment.HANG, 0.03),)))

    assert 100_000 == pynvml.nvmlDeviceGetPowerUsage(device)


def test_a_device_that_disappears_is_lost(play: Play) -> None:
    """A handle of a device that the file no longer names answers that it is lost."""
    device = _started(play, power=100.0)
    play()

    with pytest.raises(pynvml.NVMLError_GpuIsLost):
        pynvml.nvmlDeviceGetPowerUsage(device)
    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        _first()


def test_missing_functions(play: Play) -> None:
    """A function the driver is said to lack is not found, like one that never existed."""
    play(Device(UUID, power=100.0), absent=("PowerUsage",))
    pynvml.nvmlInit()

    with pytest.raises(pynvml.NVMLError_FunctionNotFound):
        pynvml.nvmlDeviceGetPowerUsage(_first())
    with pytest.raises(pynvml.NVMLError_FunctionNotFound):
        pynvml.nvmlDeviceGetBridgeChipInfo(_first())


def test_what_else_is_answered(play: Play) -> None:
    """Fields, modes and processes answer as a device without MIG and without work does."""
    device = _started(play, power=100.0, power_limit=300.0, performance_state=2, persistence_mode=1)
    instant, unknown = pynvml.nvmlDeviceGetFieldValues(device, [186, 1])

    assert (0, 100_000) == (instant.nvmlReturn, instant.value.uiVal)
    assert pynvml.NVML_ERROR_NOT_SUPPORTED == unknown.nvmlReturn
    assert (0, 2, 1) == (
        pynvml.nvmlDeviceGetIndex(device),
        pynvml.nvmlDeviceGetPerformanceState(device),
        pynvml.nvmlDeviceGetPersistenceMode(device),
    )
    assert 300_000 == pynvml.nvmlDeviceGetPowerManagementLimit(device)
    assert [] == pynvml.nvmlDeviceGetComputeRunningProcesses(device)
    assert [] == pynvml.nvmlDeviceGetGraphicsRunningProcesses(device)
    assert "GPU is lost" == pynvml.nvmlErrorString(15)
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetMigMode(device)


def test_initialisation_is_counted(play: Play) -> None:
    """As many shutdowns as initialisations: then nothing is answered any more."""
    _started(play)
    pynvml.nvmlInit()
    pynvml.nvmlShutdown()

    assert "570.124.06" == pynvml.nvmlSystemGetDriverVersion()

    pynvml.nvmlShutdown()
    with pytest.raises(pynvml.NVMLError_Uninitialized):
        pynvml.nvmlSystemGetDriverVersion()


@pytest.mark.parametrize(
    "line",
    [
        "[gpu]",
        "driver",
        "power = 1",
        "[device]\nspeed = 1",
        "[device]\npower = wave 1 2",
        "[device]\npower = wave 1 2 0",
        "[device]\npower = fast",
        "[device]\nfault = PowerUsage ill",
        "[device]\nfault = PowerUsage hang",
        "[device]\nfault = PowerUsage gpu_lost soon",
        "[device]\nuuid = " + "x" * 100,
    ],
)
def test_a_line_that_is_not_understood(
    play: Play, tmp_path: Path, capfd: pytest.CaptureFixture[str], line: str
) -> None:
    """A mistake in the file is named by its line, and nothing is made up."""
    play()
    with (tmp_path / "scenario.ini").open("a") as file:
        file.write(f"{line}\n")
    number = (tmp_path / "scenario.ini").read_text().count("\n")

    with pytest.raises(pynvml.NVMLError_DriverNotLoaded):
        pynvml.nvmlInit()
    assert f"scenario.ini:{number}: not understood" in capfd.readouterr().err


def test_without_a_scenario(play: Play, tmp_path: Path) -> None:
    """Without a file there is no driver; with the file there is."""
    with pytest.raises(pynvml.NVMLError_DriverNotLoaded):
        pynvml.nvmlInit()
    play(Device(UUID))
    pynvml.nvmlInit()

    assert 1 == pynvml.nvmlDeviceGetCount()


def test_fields(play: Play) -> None:
    """Each field has a value of its own type, a latency, and a return code of its own."""
    play(
        Device(
            UUID,
            temperature_memory=67,
            power=100.0,
            fields={
                138: Typed("ull", 2.0**40),
                (138, 3): 7,
                194: -2,
                9: Typed("double", 0.25),
                81: Typed("ushort", 5),
            },
            latencies={138: 250},
            faults=(Fault("field.230", Ailment.UNKNOWN), Fault("field.138.5", Ailment.NO_DATA)),
        )
    )
    pynvml.nvmlInit()
    asked = [138, (138, 3), 194, 9, 81, 82, 230, (138, 5), (138, 6), 12, (138, 0xFFFFFFFF)]
    answers = pynvml.nvmlDeviceGetFieldValues(_first(), asked)
    members = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")

    assert [
        (0, 2**40), (0, 7), (0, -2), (0, 0.25), (0, 5), (0, 67),
        (999, 0), (21, 0), (3, 0), (3, 0), (0, 2**40 + 7),
    ] == [
        (answer.nvmlReturn, getattr(answer.value, members[answer.valueType]))
        for answer in answers
    ]  # fmt: skip
    assert [250, 0] == [answer.latencyUsec for answer in answers[:2]]


def test_a_slow_call(play: Play) -> None:
    """A call with a delay takes that long every time, and answers."""
    play(Device(UUID, power=100.0, delays={"PowerUsage": 0.005}))
    pynvml.nvmlInit()
    device, began = _first(), time.monotonic()

    assert 100_000 == pynvml.nvmlDeviceGetPowerUsage(device)
    assert time.monotonic() - began >= 0.005


def test_what_is_counted_never_falls(play: Play) -> None:
    """A count goes on from where it was when the file is replaced."""
    play(Device(UUID, fields={197: Count(1000)}))
    pynvml.nvmlInit()
    device = _first()
    (before,) = pynvml.nvmlDeviceGetFieldValues(device, [197])
    play(Device(UUID, fields={197: Count(1000)}))
    (after,) = pynvml.nvmlDeviceGetFieldValues(device, [197])

    assert 0 < before.value.ullVal <= after.value.ullVal


def test_handle_by_uuid(play: Play) -> None:
    """A device is found by its UUID too, and its handle is the same."""
    play(Device("GPU-b"), Device(UUID))
    pynvml.nvmlInit()

    assert 1 == pynvml.nvmlDeviceGetIndex(pynvml.nvmlDeviceGetHandleByUUID(UUID))
    with pytest.raises(pynvml.NVMLError_NotFound):
        pynvml.nvmlDeviceGetHandleByUUID("GPU-c")
