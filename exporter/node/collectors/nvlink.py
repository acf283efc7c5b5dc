"""What goes over a device's NVLinks, and how well they are.

Up to NVLink 4 a link counts KiB and its data link layer's errors; from NVLink 5 on it counts bytes
and packets. Fields of links that are not there are unsupported: asked once.
"""

from collections.abc import Iterator
from functools import partial
from itertools import takewhile

from exporter.catalogue import (
    NVLINK_BYTES,
    NVLINK_EFFECTIVE_ERRORS,
    NVLINK_ERRORS,
    NVLINK_INFO,
    NVLINK_LINKS,
    NVLINK_RECOVERIES,
    NVLINK_SPEED,
    NVLINK_SYMBOL_ERRORS,
    NVLINK_UP,
)
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import MAX_NVLINKS, Fi, keys
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each, single
from exporter.node.units import choice, octets, speed, tally, within

_LINKS = tuple(range(MAX_NVLINKS))
_BYTES = {
    "tx": {Fi.NVLINK_COUNT_XMIT_BYTES: 1, Fi.NVLINK_THROUGHPUT_DATA_TX: 1024},
    "rx": {Fi.NVLINK_COUNT_RCV_BYTES: 1, Fi.NVLINK_THROUGHPUT_DATA_RX: 1024},
}
"""Bytes of NVLink 5 on, KiB of before: two counters, of which a link is told by one only."""
_ERRORS = {
    "replay": Fi.NVLINK_ERROR_DL_REPLAY,
    "recovery": Fi.NVLINK_ERROR_DL_RECOVERY,
    "vl15_dropped": Fi.NVLINK_COUNT_VL15_DROPPED,
    "malformed_packet": Fi.NVLINK_COUNT_MALFORMED_PACKET_ERRORS,
    "buffer_overrun": Fi.NVLINK_COUNT_BUFFER_OVERRUN_ERRORS,
    "receive": Fi.NVLINK_COUNT_RCV_ERRORS,
    "receive_remote": Fi.NVLINK_COUNT_RCV_REMOTE_ERRORS,
    "receive_general": Fi.NVLINK_COUNT_RCV_GENERAL_ERRORS,
    "local_integrity": Fi.NVLINK_COUNT_LOCAL_LINK_INTEGRITY_ERRORS,
    "transmit_discard": Fi.NVLINK_COUNT_XMIT_DISCARDS,
}
_COUNTED = {"replay": 0, "recovery": 1}
"""nvmlNvLinkErrorCounter_t, for drivers without the fields of these."""
_CODES = {"crc_flit": 2, "crc_data": 3, "ecc_data": 4}
"""nvmlNvLinkErrorCounter_t: one call each, so at the slowest pace."""
_RECOVERIES = {
    "successful": Fi.NVLINK_COUNT_LINK_RECOVERY_SUCCESSFUL_EVENTS,
    "failed": Fi.NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS,
}
_STATES = {0: False, 1: True, 2: True, 3: False}
"""NVML_NVLINK_STATE_…: inactive, active, asleep to save power, active but closed to traffic."""
_VERSIONS = {1: "1.0", 2: "2.0", 3: "2.2", 4: "3.0", 5: "3.1", 6: "4.0", 7: "5.0", 8: "6.0"}
_OTHER = "other"


def collect(device: Device) -> Iterator[Reading]:
    """Yield traffic, state and errors of every link."""
    asked = Gathering(device)
    for link in _present(asked):
        label = str(link)
        state = choice(asked.first((Fi.NVLINK_GET_STATE, link), ("NvLinkState", link)))
        yield from single(NVLINK_UP, None if state is None else _STATES.get(state), label)
        sent = {name: asked.attempt(partial(_bytes, device, link, name)) for name in _BYTES}
        yield from each(NVLINK_BYTES, sent, label)
        yield from each(
            NVLINK_ERRORS, {name: _failed(asked, link, name) for name in _ERRORS}, label
        )
        yield from each(
            NVLINK_RECOVERIES,
            {name: tally(asked.field(field, link)) for name, field in _RECOVERIES.items()},
            label,
        )
        symbols = asked.field(Fi.NVLINK_COUNT_SYMBOL_ERRORS, link)
        yield from single(NVLINK_SYMBOL_ERRORS, tally(symbols), label)
        effective = asked.field(Fi.NVLINK_COUNT_EFFECTIVE_ERRORS, link)
        yield from single(NVLINK_EFFECTIVE_ERRORS, tally(effective), label)
    asked.settle()


def describe(device: Device) -> Iterator[Reading]:
    """Yield how many links there are, how fast, and the errors that take a call each."""
    asked = Gathering(device)
    links = _present(asked)
    yield from single(NVLINK_LINKS, len(links) or None)
    for link in links:
        label = str(link)
        version = choice(asked.ask("NvLinkVersion", link))
        if version:
            yield Reading(NVLINK_INFO, 1, (label, _VERSIONS.get(version, _OTHER)))
        fastest = asked.first((Fi.NVLINK_GET_SPEED, link), (Fi.NVLINK_SPEED_MBPS_COMMON, 0))
        yield from single(NVLINK_SPEED, speed(fastest), label)
        codes = {name: _coded(asked, link, name) for name in _CODES}
        yield from each(NVLINK_ERRORS, {name: tally(value) for name, value in codes.items()}, label)
    asked.settle()


def _present(asked: Gathering) -> tuple[int, ...]:
    """Return the links to ask about; an old driver does not say how many, and is tried."""
    number = within(asked.field(Fi.NVLINK_LINK_COUNT), 0, MAX_NVLINKS)
    if number is not None or asked.failures:
        return _LINKS[: int(number or 0)]
    return tuple(takewhile(lambda link: asked.ask("NvLinkState", link) is not None, _LINKS))


def _bytes(device: Device, link: int, direction: str) -> float | None:
    """Return what went over a link by the first counter it has, failures raised.

    Were the other one taken for a reading, the counter would leap.
    """
    for field, unit in _BYTES[direction].items():
        number = device.field(field, link)
        if number is not None:
            return octets(number * unit)
    return None


def _failed(asked: Gathering, link: int, name: str) -> float | None:
    field = (_ERRORS[name], link)
    if name in _COUNTED:
        return tally(asked.first(field, ("NvLinkErrorCounter", link, _COUNTED[name])))
    return tally(asked.first(field))


def _coded(asked: Gathering, link: int, name: str) -> float | None:
    function = ("NvLinkErrorCounter", link, _CODES[name])
    if name == "crc_flit":
        value: float | None = asked.first(function, (Fi.NVLINK_ERROR_DL_CRC, link))
    else:
        value = asked.first(function)
    return value


COLLECTOR = Collector(
    "nvlink",
    "traffic, state, speed and errors of every NVLink",
    (
        Part(
            Group.MEDIUM,
            collect,
            (
                *keys(Fi.NVLINK_LINK_COUNT),
                *keys(
                    Fi.NVLINK_GET_STATE,
                    *(field for fields in _BYTES.values() for field in fields),
                    *_ERRORS.values(),
                    *_RECOVERIES.values(),
                    Fi.NVLINK_COUNT_SYMBOL_ERRORS,
                    Fi.NVLINK_COUNT_EFFECTIVE_ERRORS,
                    scopes=_LINKS,
                ),
            ),
        ),
        Part(
            Group.SLOW,
            describe,
            (
                *keys(Fi.NVLINK_LINK_COUNT, Fi.NVLINK_SPEED_MBPS_COMMON),
                *keys(Fi.NVLINK_GET_SPEED, scopes=_LINKS),
            ),
        ),
    ),
)
