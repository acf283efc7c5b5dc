"""What happens to a device, and it tells of by itself."""

from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """What a device can tell of by itself."""

    XID = "xid"
    ECC_CORRECTED = "ecc_corrected"
    ECC_UNCORRECTED = "ecc_uncorrected"
    ECC_STORM = "ecc_storm"
    RETIREMENT = "retirement"
    RETIREMENT_FAILURE = "retirement_failure"
    POISON_NON_FATAL = "poison_non_fatal"
    POISON_FATAL = "poison_fatal"
    UNAVAILABLE = "unavailable"
    RECOVERY_ACTION = "recovery_action"
    MIG_CONFIG = "mig_config"


ALL_EVENTS = 0xFF0B
"""`event_types` of a device that tells of every EventKind."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to a device, told to those who listened before.

    Args:
        kind: What.
        data: For an XID its number.
        count: How often.
        since: Seconds after the file was loaded.
        instance: NVML's id of the GPU instance concerned; None = the whole device.
    """

    kind: EventKind
    data: int = 0
    count: int = 1
    since: float = 0
    instance: int | None = None

    def __str__(self) -> str:
        instance = "" if self.instance is None else f" instance={self.instance}"
        return f"{self.kind} {self.data} from={self.since} count={self.count}{instance}"
