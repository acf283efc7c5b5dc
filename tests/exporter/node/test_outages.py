"""What fails beside what works: real nvidia-ml-py and the stand-in driver."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from enum import IntEnum
from typing import Any

import pytest

from demo.nvml.parts import Ecc
from demo.nvml.scenario import Ailment, Device, Fault, Typed
from demo.nvml.tenants import Gpm
from demo.nvml.values import Count, Integral, Noise, Ramp, Sentinel, Wave
from exporter.node.fields import Fi
from tests.support.full_device import FULL
from tests.support.nvml import NodeProcess, value

DOWN = {"gpu_up", "gpu_down_info", "gpu_info"}
"""All that is said of a device that is down."""


def _device(uuid: str, power: float = 100.0, *faults: Fault) -> Device:
    return Device(
        uuid,
        power=power,
        utilization=10,
        memory_copy_utilization=10,
        parts=(Gpm({2: 40}), Ecc(mode=1, errors={("corrected", "volatile"): 3})),
        fields={Fi.MEMORY_TEMP: 50, Fi.GET_GPU_RECOVERY_ACTION: 0},
        faults=faults,
    )


def _series(page: str, uuid: str) -> set[str]:
    return set(re.findall(rf'^(gpu_\w+){{uuid="{uuid}"', page, re.MULTILINE))


def _power(page: str, uuid: str) -> float | None:
    return value(page, "gpu_power_watts", uuid=uuid)


def _why(page: str, uuid: str) -> str:
    """Return why a device is down; empty when it is up or unknown."""
    found = re.findall(rf'^gpu_down_info{{uuid="{uuid}".*reason="(\w+)"', page, re.MULTILINE)
    assert len(found) == (value(page, "gpu_up", uuid=uuid) == 0)
    return found[0] if found else ""


def _collections(page: str) -> float:
    return value(page, "gpu_exporter_collections_total") or 0


def _shows(**powers: float) -> Callable[[str], bool]:
    """Return whether a page has these watts by UUID."""
    return lambda page: all(_power(page, uuid) == watts for uuid, watts in powers.items())


@pytest.mark.parametrize(
    "call",
    ["EccMode", "FieldValues", "GpmSampleGet"],
    ids=["a slow group", "fields", "a sample"],
)
def test_a_hang_anywhere(node: NodeProcess, call: str) -> None:
    """Whatever call hangs, only its device is down; once back, nothing old is shown."""
    well, ill = f"{call}-1", f"{call}-2"
    node.play(_device(well), _device(ill))
    node.until(_shows(**{well: 100, ill: 100}))
    node.play(_device(well, 200), _device(ill, 200, Fault(call, Ailment.HANG)))
    page = node.until(lambda page: _why(page, ill) == "stuck" and _power(page, well) == 200)

    assert DOWN == _series(page, ill)

    node.play(_device(well, 300), _device(ill, 300))
    page = node.until(lambda page: _power(page, well) == 300 and _power(page, ill) is not None)

    assert (300, "") == (_power(page, ill), _why(page, ill))


def test_a_hang_while_looking_for_devices(node: NodeProcess) -> None:
    """Devices that are known are read on while the driver does not say which there are."""
    well, ill = _device("look-1"), _device("look-2")
    node.play(well, ill)
    node.until(_shows(**{"look-1": 100, "look-2": 100}))
    node.play(well, replace(ill, faults=(Fault("HandleByIndex", Ailment.HANG),)))
    node.until(lambda page: value(page, "gpu_exporter_stuck_calls") == 1)
    node.play(_device("look-1", 200), _device("look-2", 200, Fault("HandleByIndex", Ailment.HANG)))
    node.until(_shows(**{"look-1": 200, "look-2": 200}))
    node.play(well, ill, _device("look-3"))
    node.until(_shows(**{"look-3": 100}))


def test_two_at_once(node: NodeProcess) -> None:
    """Two devices that fail are down, each for its own reason; the third does not notice."""
    node.play(*(_device(f"two-{number}") for number in range(3)))
    node.until(_shows(**{"two-0": 100, "two-1": 100, "two-2": 100}))
    node.play(
        _device("two-0", 200, Fault("*", Ailment.GPU_LOST)),
        _device("two-1", 200, Fault("PowerUsage", Ailment.HANG)),
        _device("two-2", 200),
    )
    page = node.until(lambda page: _why(page, "two-0") == "lost" and _why(page, "two-1") != "")

    assert "stuck" == _why(page, "two-1")
    assert 200 == _power(page, "two-2")
    assert DOWN == _series(page, "two-0") == _series(page, "two-1")
    assert node.not_ready() is None

    node.play(*(_device(f"two-{number}", 300) for number in range(3)))
    node.until(_shows(**{"two-0": 300, "two-1": 300, "two-2": 300}))


def test_all_unknown(node: NodeProcess) -> None:
    """All devices that say "unknown error" are down for that, however long, and come back."""
    names = [f"all-{number}" for number in range(3)]
    node.play(*map(_device, names))
    node.until(_shows(**dict.fromkeys(names, 100.0)))
    node.play(*(_device(name, 200, Fault("*", Ailment.UNKNOWN)) for name in names))
    page = node.until(lambda page: all(_why(page, name) for name in names))
    looked_for = _collections(page) + 5
    page = node.until(lambda page: _collections(page) >= looked_for)

    assert {"unknown"} == {_why(page, name) for name in names}
    assert all(_series(page, name) == DOWN for name in names)
    assert 3 == value(page, "gpu_devices")

    node.play(*(_device(name, 300) for name in names))
    node.until(_shows(**dict.fromkeys(names, 300.0)))


def test_devices_come_and_go(node: NodeProcess) -> None:
    """A device that comes is found, one that goes is down, and each has the index it has now."""
    a, b, c = _device("plug-a"), _device("plug-b", 200), _device("plug-c", 300)
    node.play(a, b)
    node.until(_shows(**{"plug-a": 100, "plug-b": 200}))
    node.play(c, b, a)
    page = node.until(_shows(**{"plug-a": 100, "plug-b": 200, "plug-c": 300}))

    assert ["2", "1", "0"] == [_index(page, name) for name in ("plug-a", "plug-b", "plug-c")]

    node.play(b)
    page = node.until(
        lambda page: (
            value(page, "gpu_devices") == 1
            and _index(page, "plug-b") == "0"
            and _power(page, "plug-b") == 200
        )
    )

    assert {"absent", "lost"} >= {_why(page, "plug-a"), _why(page, "plug-c")}
    assert DOWN == _series(page, "plug-a") == _series(page, "plug-c")


def _index(page: str, uuid: str) -> str:
    """Return the one index that a device has in all its series."""
    (index,) = set(re.findall(rf'{{uuid="{uuid}",gpu="(\d+)"', page))
    return str(index)


def test_mixed_answers_of_fields(node: NodeProcess) -> None:
    """Of fields that are asked for at once each has an answer of its own; none takes out others."""
    device = _device("mixed")
    ailments = {
        Fi.GET_GPU_RECOVERY_ACTION: Ailment.CORRUPTED_INFOROM,
        Fi.POWER_INSTANT: Ailment.UNKNOWN,
        Fi.POWER_AVERAGE: Ailment.NOT_SUPPORTED,
    }
    faults = tuple(Fault(f"field.{field.value}", each) for field, each in ailments.items())
    node.play(replace(device, faults=faults))
    page = node.until(lambda page: "gpu_ecc_errors_total" in _series(page, "mixed"))

    assert 50 == value(page, "gpu_temperature_celsius", uuid="mixed", sensor="memory")
    assert 3 == value(
        page, "gpu_ecc_errors_total", uuid="mixed", error="corrected", counter="volatile"
    )
    assert "gpu_recovery_action" not in _series(page, "mixed")
    assert 0 == value(page, "gpu_exporter_collector_success", collector="recovery")
    assert 100 == _power(page, "mixed")

    node.play(device)
    node.until(lambda page: "gpu_recovery_action" in _series(page, "mixed"))


def test_released_while_a_call_hangs(node: NodeProcess) -> None:
    """The driver is let go of as soon as the call returns, and no value is shown meanwhile."""
    hanging = _device("held-2", 100, Fault("PowerUsage", Ailment.HANG))
    node.play(_device("held-1"), hanging)
    node.until(lambda page: _why(page, "held-2") == "stuck" and _power(page, "held-1") == 100)
    node.release()
    page = node.until(lambda page: "gpu_power_watts" not in page)

    assert "letting go of the driver: a call into it has not returned" == node.not_ready()
    assert 0 == value(page, "gpu_exporter_driver_released")
    assert value(page, "gpu_up", uuid="held-1") is None

    node.play(_device("held-1", 200), _device("held-2", 200))
    page = node.until(lambda page: value(page, "gpu_exporter_driver_released") == 1)

    assert "gpu_power_watts" not in page

    node.resume()
    page = node.until(_shows(**{"held-1": 200, "held-2": 200}))

    assert 1 == value(page, "gpu_up", uuid="held-2")


def test_sentinels_everywhere(node: NodeProcess) -> None:
    """A device that answers all bits set to everything shows who it is and no quantity at all."""
    node.play(replace(_all_bits(FULL), uuid="bits"))
    page = node.until(lambda page: value(page, "gpu_up", uuid="bits") == 1)

    quantities = _series(page, "bits") - {"gpu_info", "gpu_board_info", "gpu_firmware_info"}
    assert _NO_QUANTITIES == quantities


_NO_QUANTITIES = {
    "gpu_up",
    "gpu_last_reading_timestamp_seconds",
    "gpu_processes",
    "gpu_nvlink_links",  # the stand-in's own count
    "gpu_vgpu_licensed",  # of a feature that there is
    "gpu_bar1_memory_free_bytes",  # the stand-in's difference
    "gpu_temperature_margin_celsius",  # a signed number: all bits set are one degree too much
}


def _all_bits(part: Any) -> Any:
    """Return a device, or a part of one, with a sentinel for every number."""
    return replace(
        part, **{each.name: _bits(getattr(part, each.name)) for each in fields(part) if each.init}
    )


def _bits(thing: Any) -> Any:
    match thing:
        case bool() | str() | None | IntEnum():
            return thing
        case int() | float() | Typed() | Wave() | Count() | Integral() | Noise() | Ramp():
            return Sentinel()
        case Mapping():
            return {key: _bits(each) for key, each in thing.items()}
        case tuple():
            return tuple(map(_bits, thing))
        case _:
            return _all_bits(thing)
