"""How much of one device each of its claims has."""

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.cluster.devices.claims import Claim, DeviceKey, Result
from exporter.cluster.devices.slices import Device


@dataclass(frozen=True, slots=True)
class Stake:
    """One claim's hold on one device; `live` when somebody uses the claim."""

    claim: Claim
    result: Result
    live: bool


def stakes(device: DeviceKey, claim: Claim, *, live: bool) -> list[Stake]:
    """Return a claim's stakes in a device: several when it has several shares of it."""
    return [Stake(claim, result, live) for result in claim.results if result.device == device]


def fractions(held: Sequence[Stake], device: Device | None) -> list[float]:
    """Return which part of a device each stake is, from 0 to 1, in the order given.

    A device that may be had by several is divided by what each takes of its parts or memory, else
    equally. One that may not is had once, by those who use it: a claim told of late, or not yet
    told to be gone, must not count it again.

    Args:
        held: All stakes in the device.
        device: The device; None when no slice lists it now.
    """
    if any(stake.result.share for stake in held) or (device and device.shareable):
        return [_taken(stake.result, device) or 1 / len(held) for stake in held]
    users = [stake.live for stake in held]
    among = sum(users) or len(held)
    return [1 / among if live or not any(users) else 0.0 for live in users]


def _taken(result: Result, device: Device | None) -> float | None:
    if device is None:
        return None
    if result.units and device.units:
        return result.units / device.units
    if result.memory and device.memory:
        return result.memory / device.memory
    return None
