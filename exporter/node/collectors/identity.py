"""Who a device is: the join partner of all its other series."""

from collections.abc import Iterator
from typing import Any

from exporter.catalogue import BOARD_INFO, DEVICE_INFO, FIRMWARE_INFO
from exporter.errors import DeviceDown, DeviceError
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.reading import Reading
from exporter.node.units import choice, within

_OEM, _ECC, _POWER = 0, 1, 2
"""Objects of the InfoROM: nvmlInforomObject_t."""


def collect(device: Device) -> Iterator[Reading]:
    """Yield the device's identity, in the order of the family's labels."""
    yield Reading(
        DEVICE_INFO,
        1,
        (
            _text(device, "Name"),
            _word(device, "NVML_BRAND_", "Brand"),
            _word(device, "NVML_DEVICE_ARCH_", "Architecture"),
            _text(device, "Serial"),
            _text(device, "PciBusId"),
            _number(device, "MinorNumber"),
            _text(device, "VbiosVersion"),
        ),
    )


def parts(device: Device) -> Iterator[Reading]:
    """Yield its firmware and its board, where anything is known of them."""
    firmware = (
        _text(device, "InforomImageVersion"),
        *(_text(device, "InforomVersion", part) for part in (_OEM, _ECC, _POWER)),
        _text(device, "GspFirmwareVersion"),
    )
    board = (
        _text(device, "BoardPartNumber"),
        _number(device, "ModuleId"),
        _number(device, "NumaNodeId"),
        _capability(device),
    )
    for family, labels in ((FIRMWARE_INFO, firmware), (BOARD_INFO, board)):
        if any(labels):
            yield Reading(family, 1, labels)


def _answer(device: Device, function: str, *arguments: int) -> Any:
    try:
        return device.ask(function, *arguments)
    except DeviceDown:
        raise
    except DeviceError:
        # As with a corrupted InfoROM, which holds the serial number: not worth the rest.
        return None


def _text(device: Device, function: str, *arguments: int) -> str:
    answer = _answer(device, function, *arguments)
    return "" if answer is None else str(answer)


def _number(device: Device, function: str) -> str:
    number = within(_answer(device, function), 0, 2**20)
    return "" if number is None else str(int(number))


def _capability(device: Device) -> str:
    version = _answer(device, "CudaComputeCapability") or ()
    known = all(within(number, 0, 1000) is not None for number in version)
    return ".".join(map(str, version)) if known else ""


def _word(device: Device, prefix: str, function: str) -> str:
    answer = _answer(device, function)
    if answer is None:
        return ""
    # A number of which this nvidia-ml-py has no word is a newer driver's, or none at all.
    number = choice(answer)
    return device.word(prefix, int(answer)) or ("" if number is None else str(number))


COLLECTOR = Collector(
    "identity",
    "model, serial, bus address, firmware, board",
    (Part(Group.SLOW, collect), Part(Group.SLOW, parts)),
)
