"""XIDs in a few words, for the label `err_msg`."""

_NONE = "No Error"
_OTHER = "Unknown Error"
_MEANINGS = {
    0: _NONE,
    8: "GPU stopped processing",
    13: "Graphics engine exception",
    31: "GPU memory page fault",
    32: "Invalid or corrupted push buffer stream",
    38: "Driver firmware error",
    43: "GPU stopped processing",
    44: "Graphics engine fault during context switch",
    45: "Preemptive cleanup after previous errors",
    48: "Double bit ECC error",
    56: "Display engine error",
    61: "Internal microcontroller breakpoint or warning",
    62: "Internal microcontroller halt",
    63: "ECC page retirement or row remapping recorded",
    64: "ECC page retirement or row remapping failed",
    68: "Video processor exception",
    69: "Graphics engine class error",
    74: "NVLink error",
    79: "GPU has fallen off the bus",
    92: "High single bit ECC error rate",
    94: "Contained ECC error",
    95: "Uncontained ECC error",
    109: "Context switch timeout",
    110: "Security fault",
    119: "GSP RPC timeout",
    120: "GSP error",
    121: "C2C link corrected error",
    122: "SPI PMU RPC read failure",
    123: "SPI PMU RPC write failure",
    124: "SPI PMU RPC erase failure",
    140: "Unrecovered ECC error",
    143: "GPU initialization error",
    149: "NVLink error",
    154: "GPU recovery action changed",
}


def meaning(xid: int) -> str:
    """Return what an XID stands for."""
    return _MEANINGS.get(xid, _OTHER)
