"""Promises of the collectors of heat, power and clocks: NVML's answers in, readings out."""

import pytest

from exporter import catalogue
from exporter.node.fields import Fi
from tests.support.collector_cases import Case, told, unannounced

_LIMITS = (
    Fi.POWER_CURRENT_LIMIT,
    Fi.POWER_REQUESTED_LIMIT,
    Fi.POWER_DEFAULT_LIMIT,
    Fi.POWER_MIN_LIMIT,
    Fi.POWER_MAX_LIMIT,
)

CASES = {
    "temperatures of a device that knows thresholds": Case(
        "temperature",
        [
            told(catalogue.TEMPERATURE, 40, "gpu"),
            told(catalogue.TEMPERATURE_THRESHOLD, 95, "shutdown"),
            told(catalogue.TEMPERATURE_THRESHOLD, 90, "slowdown"),
            told(catalogue.TEMPERATURE_THRESHOLD, 85, "gpu_max"),
        ],
        {
            ("Temperature", 0): 40,
            ("TemperatureThreshold", 0): 95,
            ("TemperatureThreshold", 1): 90,
            ("TemperatureThreshold", 3): 85,
        },
    ),
    "temperatures of a device that knows margins": Case(
        "temperature",
        [
            told(catalogue.TEMPERATURE, 90, "gpu"),
            told(catalogue.TEMPERATURE, 67, "memory"),
            told(catalogue.TEMPERATURE_MARGIN, -3),
            told(catalogue.TEMPERATURE_MARGIN_THRESHOLD, -8, "shutdown"),
            told(catalogue.TEMPERATURE_MARGIN_THRESHOLD, -2, "slowdown"),
            told(catalogue.TEMPERATURE_MARGIN_THRESHOLD, 0, "memory_max"),
            told(catalogue.TEMPERATURE_MARGIN_THRESHOLD, 0, "gpu_max"),
        ],
        {("TemperatureV", 0): 90, "MarginTemperature": -3},
        {
            Fi.MEMORY_TEMP: 67,
            Fi.TEMPERATURE_SHUTDOWN_TLIMIT: -8,
            Fi.TEMPERATURE_SLOWDOWN_TLIMIT: -2,
            Fi.TEMPERATURE_MEM_MAX_TLIMIT: 0,
            Fi.TEMPERATURE_GPU_MAX_TLIMIT: 0,
        },
    ),
    "a chip at zero degrees, and a memory without a sensor": Case(
        "temperature",
        [told(catalogue.TEMPERATURE, 0, "gpu")],
        {("TemperatureV", 0): 0, ("TemperatureThreshold", 2): 0},
        {Fi.MEMORY_TEMP: 0},
    ),
    "margins below zero in a number without a sign": Case(
        "temperature",
        [told(catalogue.TEMPERATURE_MARGIN_THRESHOLD, -8, "shutdown")],
        {},
        {Fi.TEMPERATURE_SHUTDOWN_TLIMIT: 2**32 - 8, Fi.TEMPERATURE_SLOWDOWN_TLIMIT: 2**32 - 1},
    ),
    "a fan that turns faster than was meant": Case(
        "fans",
        [
            told(catalogue.FAN_SPEED, 0.3, "0"),
            told(catalogue.FAN_SPEED, 1.05, "1"),
            told(catalogue.FAN_RPM, 3300, "1"),
        ],
        {
            "NumFans": 2,
            ("FanSpeed_v2", 0): 30,
            ("FanSpeed_v2", 1): 105,
            ("FanSpeedRPM", 1): 3300,
        },
    ),
    "fans of an old driver": Case("fans", [told(catalogue.FAN_SPEED, 0.3, "0")], {"FanSpeed": 30}),
    "no fans": Case("fans", [], {"NumFans": 0, "FanSpeed": 30}),
    "power of a module": Case(
        "power",
        [
            told(catalogue.POWER, 500),
            told(catalogue.POWER_AVERAGE, 501, "gpu"),
            told(catalogue.POWER_AVERAGE, 800, "module"),
            told(catalogue.POWER_INSTANT, 510, "gpu"),
            told(catalogue.POWER_INSTANT, 90, "memory"),
            told(catalogue.POWER_LIMIT, 600, "enforced"),
            told(catalogue.POWER_LIMIT, 650, "requested"),
            told(catalogue.POWER_LIMIT, 700, "default"),
            told(catalogue.POWER_LIMIT, 200, "min"),
            told(catalogue.POWER_LIMIT, 900, "max"),
            told(catalogue.MODULE_POWER_LIMIT, 1000, "enforced"),
        ],
        {"PowerUsage": 500_000, "EnforcedPowerLimit": 1, "PowerManagementLimitConstraints": [1, 2]},
        {
            Fi.POWER_AVERAGE: 501_000,
            Fi.POWER_INSTANT: 510_000,
            **dict(zip(_LIMITS, (600_000, 650_000, 700_000, 200_000, 900_000), strict=True)),
        },
        {
            (Fi.POWER_AVERAGE, 1): 800_000,
            (Fi.POWER_INSTANT, 2): 90_000,
            (Fi.POWER_CURRENT_LIMIT, 1): 1_000_000,
        },
    ),
    "power limits of an old driver": Case(
        "power",
        [
            told(catalogue.POWER_LIMIT, 600, "enforced"),
            told(catalogue.POWER_LIMIT, 650, "requested"),
            told(catalogue.POWER_LIMIT, 700, "default"),
            told(catalogue.POWER_LIMIT, 200, "min"),
            told(catalogue.POWER_LIMIT, 900, "max"),
        ],
        {
            "EnforcedPowerLimit": 600_000,
            "PowerManagementLimit": 650_000,
            "PowerManagementDefaultLimit": 700_000,
            "PowerManagementLimitConstraints": [200_000, 900_000],
        },
    ),
    "energy of a module": Case(
        "energy",
        [told(catalogue.ENERGY, 2.5), told(catalogue.MODULE_ENERGY, 4)],
        {"TotalEnergyConsumption": 1},
        {Fi.ENERGY: 2500},
        {(Fi.ENERGY, 1): 4000},
    ),
    "energy of an old driver": Case(
        "energy", [told(catalogue.ENERGY, 2.5)], {"TotalEnergyConsumption": 2500}
    ),
    "clock events of a newer driver": Case(
        "clock_events",
        [told(catalogue.CLOCK_EVENT, 0, "gpu_idle"), told(catalogue.CLOCK_EVENT, 1, "other")],
        {"CurrentClocksEventReasons": 0x800, "SupportedClocksEventReasons": 0x1801},
    ),
    "clock events": Case(
        "clock_events",
        [
            told(catalogue.CLOCK_EVENT, 0, "gpu_idle"),
            told(catalogue.CLOCK_EVENT, 1, "power_cap"),
            told(catalogue.CLOCK_EVENT, 1, "hw_thermal"),
            told(catalogue.CLOCK_EVENT_SECONDS, 1.5, "power_cap"),
            told(catalogue.CLOCK_EVENT_SECONDS, 0, "hw_power_brake"),
        ],
        {"CurrentClocksEventReasons": 0x44, "SupportedClocksEventReasons": 0x45},
        {
            Fi.PERF_POLICY_POWER: 1_500_000_000,
            Fi.CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN: 0,
        },
    ),
    "clock events of an old driver": Case(
        "clock_events",
        [told(catalogue.CLOCK_EVENT, 1, "gpu_idle"), told(catalogue.CLOCK_EVENT, 0, "sw_thermal")],
        {"CurrentClocksThrottleReasons": 0x1, "SupportedClocksThrottleReasons": 0x21},
    ),
    "clock events of a device that does not say which it can tell": Case(
        "clock_events",
        [told(catalogue.CLOCK_EVENT, 1, "hw_slowdown")],
        {"CurrentClocksEventReasons": 0x8},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_a_device_tells(case: Case) -> None:
    """What a device tells is published in base units, and what it does not tell is not."""
    assert case.expected == case.readings()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fields_come_in_one_call(case: Case) -> None:
    """A collector asks for exactly the fields it announces, so that one call brings them all."""
    assert set() == unannounced(case)
