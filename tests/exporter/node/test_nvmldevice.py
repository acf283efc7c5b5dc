"""Promises of the translation from NVML: error codes, units, and answers that are none."""

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import (
    ConfigurationError,
    DeviceDown,
    DeviceError,
    DriverUnavailable,
    Unsupported,
)
from exporter.node.nvml import NvmlDriver
from exporter.node.nvmlcall import translated
from exporter.node.nvmldevice import NvmlDevice

CODES = sorted(value for name, value in vars(pynvml).items() if name.startswith("NVML_ERROR_"))
EXPECTED = {
    Unsupported: {2, 3, 4, 6, 13, 25, 26},
    DeviceDown: {15, 16, 28, 999},
    DriverUnavailable: {1, 9, 12, 18},
}


def _expected(code: int) -> type[Exception]:
    return next((error for error, codes in EXPECTED.items() if code in codes), DeviceError)


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_translated(code: int) -> None:
    """Every return code NVML has becomes exactly one of our errors."""
    assert _expected(code) is type(translated(code, "in NVML's words"))


def _device(**functions: Callable[..., Any]) -> NvmlDevice:
    constants = {name: value for name, value in vars(pynvml).items() if name.startswith("NVML_")}
    nvml = SimpleNamespace(NVMLError=pynvml.NVMLError, **constants, **functions)
    return NvmlDevice(nvml, object(), "GPU-a", 0)


@given(st.integers(0, 2**32 - 1))
def test_any_answer_is_plausible_or_none(answer: int) -> None:
    """No 32-bit answer of a driver, sentinel or garbage, becomes an absurd value."""
    device = _device(
        nvmlDeviceGetPowerUsage=lambda _: answer,
        nvmlDeviceGetUtilizationRates=lambda _: SimpleNamespace(gpu=answer, memory=answer),
        nvmlDeviceGetClockInfo=lambda _, __: answer,
    )
    watts, ratio = device.power(), device.utilization().kernels

    assert watts is None or 0 <= watts <= 100_000
    assert ratio is None or 0 <= ratio <= 1
    assert all(0 <= hertz <= 1e11 for hertz in device.clocks().values())


@given(st.integers(0, 2**64 - 1))
def test_any_energy_is_plausible_or_none(answer: int) -> None:
    """No 64-bit answer becomes more energy than a device can have used."""
    joules = _device(nvmlDeviceGetTotalEnergyConsumption=lambda _: answer).energy()

    assert joules is None or 0 <= joules <= 1e13


def test_unsupported_is_asked_once() -> None:
    """What a device does not support is not asked again; what it supports is, every time."""
    asked = []

    def clock(_: object, domain: int) -> int:
        asked.append(domain)
        if domain == pynvml.NVML_CLOCK_VIDEO:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return 1500

    device = _device(nvmlDeviceGetClockInfo=clock)
    device.clocks()
    device.clocks()

    assert [0, 1, 2, 3, 0, 1, 2] == [
        {pynvml.NVML_CLOCK_MEM: 2, pynvml.NVML_CLOCK_VIDEO: 3}.get(domain, domain)
        for domain in asked
    ]


def test_a_failure_is_asked_again() -> None:
    """A call that fails for the moment is asked again the next time."""
    codes = [pynvml.NVML_ERROR_MEMORY]

    def power(_: object) -> int:
        if codes:
            raise pynvml.NVMLError(codes.pop())
        return 1000

    device = _device(nvmlDeviceGetPowerUsage=power)
    with pytest.raises(DeviceError):
        device.power()

    assert 1 == device.power()


def test_without_nvidia_ml_py(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without nvidia-ml-py the role does not start, and says what to install."""
    monkeypatch.setitem(sys.modules, "pynvml", None)

    with pytest.raises(ConfigurationError, match="pip install"):
        NvmlDriver()
