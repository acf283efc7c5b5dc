"""How busy the engines for video, pictures and optical flow are. Not in MIG mode."""

from collections.abc import Iterator, Mapping

from exporter.catalogue import (
    DECODER_UTILIZATION,
    ENCODER_FRAMES,
    ENCODER_LATENCY,
    ENCODER_SESSIONS,
    ENCODER_UTILIZATION,
    JPEG_UTILIZATION,
    OFA_UTILIZATION,
    Family,
)
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, single
from exporter.node.units import microseconds, ratio, tally

_ENGINES: Mapping[str, Family] = {
    "EncoderUtilization": ENCODER_UTILIZATION,
    "DecoderUtilization": DECODER_UTILIZATION,
    "JpgUtilization": JPEG_UTILIZATION,
    "OfaUtilization": OFA_UTILIZATION,
}


def collect(device: Device) -> Iterator[Reading]:
    """Yield each engine's share of busy time."""
    asked = Gathering(device)
    for function, family in _ENGINES.items():
        percent, _period = asked.ask(function) or (None, None)
        yield from single(family, ratio(percent))
    asked.settle()


def sessions(device: Device) -> Iterator[Reading]:
    """Yield how many sessions encode, and how well."""
    number, frames, latency = device.ask("EncoderStats") or (None, None, None)
    yield from single(ENCODER_SESSIONS, tally(number))
    yield from single(ENCODER_FRAMES, tally(frames))
    yield from single(ENCODER_LATENCY, microseconds(latency))


COLLECTOR = Collector(
    "codecs",
    "encoder, decoder, JPEG and optical flow engines",
    (Part(Group.FAST, collect), Part(Group.MEDIUM, sessions)),
)
