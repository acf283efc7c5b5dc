"""The machine that figures are of."""

import os
import platform
import timeit
from pathlib import Path

SHARED = (
    "load, service, database and whatever else runs share the machine's cores: who waits for one "
    "is late. Of a virtual machine the cores are shared too: the same one took 12 to 27 ms for a "
    "million additions within an hour, and all times with it."
)
"""Why a time may be longer than promised on a machine that has other work."""
_TIMES = 1_000_000


def machine() -> str:
    """Return what this runs on, how busy it is, and how fast at the moment.

    A shared machine is twice as slow at times, though its load says nothing: milliseconds of two
    runs compare by what the same loop took before each.
    """
    models = [row for row in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in row]
    model = models[0].partition(": ")[2] if models else platform.machine()
    load = os.getloadavg()[0]
    loop = min(timeit.repeat("each + 1", "each = 7", number=_TIMES, repeat=3)) * 1000
    return (
        f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}, load {load:.1f}, "
        f"{loop:.0f} ms for a million additions"
    )
