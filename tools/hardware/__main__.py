"""Asks the real driver all that the collectors ask, and writes a page per model to docs/hardware/.

Neither UUIDs nor serial numbers nor values are written down.
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from exporter.errors import ConfigurationError, DriverError
from exporter.node.asking import Device, Versions
from exporter.node.collector import Group
from exporter.node.collectors import COLLECTORS
from exporter.node.driver.nvml import NvmlDriver
from exporter.node.running import run
from tools.hardware.page import Found, page
from tools.hardware.recording import Recording, recorded

_FOLDER = Path(__file__).parents[2] / "docs" / "hardware"
_PAUSE = 0.15
"""Seconds between two runs: GPM needs a tenth."""


def look(runs: int) -> Iterator[Found]:
    """Ask the first device of every model.

    Raises:
        DriverError: When the driver does not answer.
    """
    driver = NvmlDriver()
    versions = driver.open(in_use=False)
    seen: set[str] = set()
    try:
        for device in driver.enumerate({}).devices:
            model = str(device.ask("Name"))
            if model not in seen:
                seen.add(model)
                yield _ask(driver, device, model, versions, runs)
    finally:
        driver.close()


def _ask(driver: NvmlDriver, device: Device, model: str, versions: Versions, runs: int) -> Found:
    recording = Recording()
    families: dict[str, int] = {}
    failed: dict[str, None] = {}
    with recorded(recording):
        for _ in range(runs):
            results = [run(device, COLLECTORS, group, time.monotonic) for group in Group]
            counts = Counter(each.family.name for result in results for each in result.readings)
            families.update(counts)
            for result in results:
                failed |= {f"device: {result.down}": None} if result.down else {}
                failed |= {f"{e.collector}: {e.error}": None for e in result.outcomes if e.error}
            time.sleep(_PAUSE)
        facts = _facts(driver, device)
    return Found(model, versions, runs, recording, families, tuple(failed), facts)


def _facts(driver: NvmlDriver, device: Device) -> dict[str, str]:
    mode = device.ask("MigMode")
    architecture = device.ask("Architecture")
    return {
        "architecture": device.word("NVML_DEVICE_ARCH_", architecture) if architecture else "?",
        "persistence mode": {0: "off", 1: "on", None: "not supported"}[
            device.ask("PersistenceMode")
        ],
        "MIG": "not supported" if mode is None else f"{len(device.instances())} instances"
        if mode[0] else "off",
        "GPM": "yes" if device.profile([1]) else "no",
        "events": _events(driver, device),
    }  # fmt: skip


def _events(driver: NvmlDriver, device: Device) -> str:
    try:
        listener = driver.listen([device])
    except DriverError as error:
        return f"cannot be listened to: {error}"
    listener.wait(0)
    listener.close()
    return ", ".join(sorted(listener.heard.get(device.uuid, ()))) or "none"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a page per model; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.hardware", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="default: docs/hardware")
    options = parser.parse_args(arguments)
    try:
        for found in look(options.runs):
            slug = re.sub(r"[^a-z0-9]+", "-", found.model.lower()).strip("-")
            path = options.folder / f"{slug}.md"
            path.write_text(page(found))
            print(
                f"{path}: {len(found.recording.calls)} calls, {len(found.recording.fields)} fields"
            )
    except (DriverError, ConfigurationError) as error:
        print(f"python -m tools.hardware: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
