"""The machine that figures are of."""

import os
import platform
from pathlib import Path

SHARED = (
    "load, service, database and whatever else runs share the machine's cores: who waits for one "
    "is late."
)
"""Why a time may be longer than promised on a machine that has other work."""


def machine() -> str:
    """Return what this runs on, and how busy it is."""
    models = [row for row in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in row]
    model = models[0].partition(": ")[2] if models else platform.machine()
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}, load {load:.1f}"
