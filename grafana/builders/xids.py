"""XID errors that people meet: what their numbers mean and how bad they are."""

from typing import Final

_CRITICAL = {
    46: "GPU stopped: reset",
    48: "double-bit ECC error: drain, reset",
    54: "auxiliary power missing: check cables",
    62: "micro-controller halted: reset",
    64: "row remapping failed: reset, replace",
    74: "NVLink error: check the link",
    79: "fell off the bus: restart the node",
    95: "uncontained memory error: reset",
    109: "context switch timed out: reset",
    110: "security fault: reset",
    119: "GSP did not answer: reset",
    120: "GSP error: reset",
    136: "link training failed: reset",
    140: "unrecovered ECC error: reset",
    142: "video encoder failed: support",
    143: "initialisation failed: reset",
    151: "key rotation failed: restart the VM",
    155: "NVLink failed: reset",
    156: "resource retired: reset",
    158: "fatal timeout: reset",
    167: "PCIe fatal timeout: reset",
    171: "uncorrectable DRAM error: follow 48",
    172: "uncorrectable SRAM error: follow 48",
}
_WARNING = {
    63: "row remapping recorded: reset when drained",
    92: "many corrected ECC errors: watch",
    93: "InfoROM wears out: plan a replacement",
    94: "contained memory error: restart the application",
    121: "C2C link corrected errors: watch",
    137: "NVLink access fault: look at the application",
    144: "NVLink fault: follow 154",
    145: "NVLink fault: follow 154",
    146: "NVLink fault: follow 154",
    147: "NVLink fault: follow 154",
    148: "NVLink fault: follow 154",
    149: "NVLink fault: follow 154",
    150: "NVLink fault: follow 154",
    154: "recovery action changed: do what it says",
    157: "retirement failed: plan a replacement",
    160: "memory channel retired: reset when drained",
    161: "memory channel retirement failed: plan a replacement",
    164: "power smoothing wears out: watch",
    165: "power smoothing is worn out: plan a replacement",
    168: "less memory than built: plan a replacement",
    169: "security processor halted: reset when drained",
}
_APPLICATION = {
    13: "engine exception: the application",
    31: "page fault: the application",
    43: "channel reset: the application",
    45: "work was cleaned up: see the XID before it",
}


def _shown(meanings: dict[int, str], color: str) -> dict[str, tuple[str, str]]:
    return {str(xid): (f"{xid} {text}", color) for xid, text in meanings.items()}


XIDS: Final = {
    **_shown(_CRITICAL, "red"),
    **_shown(_WARNING, "orange"),
    **_shown(_APPLICATION, "blue"),
}
"""XID → what tables show in its place, with what to do, and its colour: red needs somebody now."""

CRITICAL: Final = "|".join(str(xid) for xid in _CRITICAL)
"""A pattern of those after which a device is not to be used before it was seen to."""
