"""The node role in a process of its own, on the stand-in driver.

A process, because the dynamic loader reads LD_LIBRARY_PATH only when a program starts, and because
nvidia-ml-py keeps the library it loaded in its module.
"""

import contextlib
import faulthandler
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from demo.nvml.build import environment
from demo.nvml.scenario import Device, Scenario, System, write

NODE = "worker-1"
INTERVAL = 0.2
_DEADLINE = 20.0
_PATIENCE = 60.0
_POLL = 0.02
_ROOT = Path(__file__).parents[2]


class NodeProcess:
    """A publisher that collects every INTERVAL seconds and answers over its pipes.

    Args:
        folder: Where the scenario file lives.
        library: The library to load; None = the one built from demo/nvml.
        collectors: Names of the collectors that run; None = all.
    """

    def __init__(
        self,
        folder: Path,
        *,
        library: Path | None = None,
        collectors: tuple[str, ...] | None = None,
    ) -> None:
        self._scenario = folder / "scenario.ini"
        self._environment = os.environ | environment(self._scenario, library=library)
        self._arguments = json.dumps(collectors)
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nvml", self._arguments],
            cwd=_ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child is not None
        with self._child:
            assert self._child.stdin is not None
            self._child.stdin.close()
            try:
                self._child.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._abort("ended")

    def play(self, *devices: Device, system: System | None = None) -> None:
        """Make the driver show these devices from now on."""
        write(self._scenario, Scenario(devices, system or System()))

    def page(self) -> str:
        """Return the text a scrape would get now."""
        return str(self._ask()["page"])

    def not_ready(self) -> str | None:
        """Return what readiness says now."""
        reason = self._ask()["not_ready"]
        return None if reason is None else str(reason)

    def release(self) -> None:
        """Ask for the driver to be let go of, as SIGUSR1 does."""
        self._ask("release")

    def resume(self) -> None:
        """Ask for the driver to be taken back, as SIGUSR2 does."""
        self._ask("resume")

    def until(self, condition: Callable[[str], bool]) -> str:
        """Return the first page for which *condition* holds."""
        deadline = time.monotonic() + _DEADLINE
        while not condition(page := self.page()):
            assert time.monotonic() < deadline, f"not within {_DEADLINE} s; the last page:\n{page}"
            time.sleep(_POLL)
        return page

    def _ask(self, order: str = "") -> dict[str, Any]:
        assert self._child is not None
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{order}\n")
        self._child.stdin.flush()
        if not select.select([self._child.stdout], [], [], _PATIENCE)[0]:
            self._abort("answered")
        answer = json.loads(self._child.stdout.readline())
        assert isinstance(answer, dict)
        return answer

    def _abort(self, done: str) -> None:
        """End it, and the test; where its threads stand is written to stderr."""
        assert self._child is not None
        self._child.send_signal(signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1)
        self._child.kill()
        pytest.fail(f"the node role has not {done} within {_PATIENCE} s")


def ready(page: str) -> bool:
    """Tell whether every device on the page was read: at first one may be late."""
    read = re.findall(r"^gpu_up\{.*\} (\d)$", page, re.MULTILINE)
    return value(page, "gpu_exporter_driver_up") == 1 and set(read) == {"1"}


def value(page: str, name: str, **labels: str) -> float | None:
    """Return the value of the series with this name and these labels; None when there is none.

    Raises:
        AssertionError: When there are several.
    """
    found = [
        float(line.rpartition(" ")[2])
        for line in page.splitlines()
        if re.match(rf"{name}(\{{|\s)", line)
        and all(f'{label}="{text}"' in line for label, text in labels.items())
    ]
    assert len(found) <= 1, found
    return found[0] if found else None


def names(page: str) -> set[str]:
    """Return the names of all families on the page."""
    return set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))


def _main(arguments: list[str]) -> None:
    from exporter.node.collector import Pace  # noqa: PLC0415 - in the child only
    from exporter.node.collectors import DEFAULT, enabled  # noqa: PLC0415 - idem
    from exporter.node.driver.nvml import NvmlDriver  # noqa: PLC0415 - idem
    from exporter.node.publisher import NodePublisher, Options  # noqa: PLC0415 - idem

    faulthandler.enable()
    chosen = json.loads(arguments[0])
    publisher = NodePublisher(
        NvmlDriver(),
        Options(
            NODE,
            collectors=DEFAULT if chosen is None else enabled(chosen),
            pace=Pace(INTERVAL, INTERVAL * 2, INTERVAL * 5),
            pci=Path("/nonexistent"),
        ),
    )
    publisher.start()
    orders = {"release": publisher.release, "resume": publisher.resume}
    for line in sys.stdin:
        if order := orders.get(line.strip()):
            order()
        page = publisher.page().body.decode()
        print(json.dumps({"page": page, "not_ready": publisher.not_ready()}), flush=True)  # noqa: T201 - the answer
    publisher.stop()


if __name__ == "__main__":
    _main(sys.argv[1:])
