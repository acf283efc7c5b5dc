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
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from demo.nvml.build import SCENARIO_VARIABLE, environment
from demo.nvml.scenario import Device, Scenario, System, write

if TYPE_CHECKING:
    from exporter.node.publisher import NodePublisher

NODE = "worker-1"
INTERVAL = 0.2
_DEADLINE = 60.0
_PATIENCE = 60.0
_END_SECONDS = 10.0
_POLL = 0.05
_ROOT = Path(__file__).parents[2]


class _Child:
    """A process that answers a line with a line, of JSON both."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nvml"],
            cwd=_ROOT,
            env=os.environ | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, order: str = "", *arguments: object) -> dict[str, Any]:
        """Return the answer to an order; an empty one just asks."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps([order, *arguments])}\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], _PATIENCE)[0]:
            self._abort("answered")
        answer = json.loads(self._process.stdout.readline())
        assert isinstance(answer, dict)
        return answer

    def end(self) -> None:
        """Tell it to end, and wait until it has."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._abort("ended")

    def _abort(self, done: str) -> None:
        """End it, and the test; where its threads stand is written to stderr."""
        self._process.send_signal(signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._process.kill()
        pytest.fail(f"the node role has not {done} within {_PATIENCE} s")


_idle: list[_Child] = []
"""Those that have let go of all that they had: the next node need not start a process."""


def end_idle() -> None:
    """End the processes that wait for a next node."""
    while _idle:
        _idle.pop().end()


class NodeProcess:
    """A publisher that collects every INTERVAL seconds and answers over its pipes.

    Args:
        folder: Where the scenario file lives.
        library: The library to load; None = the one built from demo/nvml.
        collectors: Names of the collectors that run; None = all.
        alone: Whether its process is nobody's before and after, and ends with it whatever hangs.
    """

    def __init__(
        self,
        folder: Path,
        *,
        library: Path | None = None,
        collectors: tuple[str, ...] | None = None,
        alone: bool = False,
    ) -> None:
        self._scenario = folder / "scenario.ini"
        self._library = library
        self._collectors = collectors
        self._alone = alone or library is not None
        self._child: _Child | None = None
        self._begun = False

    def __enter__(self) -> Self:
        if _idle and not self._alone:
            self._child = _idle.pop()
        else:
            self._child = _Child(environment(self._scenario, library=self._library))
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        assert self._child is not None
        if self._alone or failure is not None:
            self._child.end()
            return
        self.play()  # whatever hangs returns
        if not self._begun or self._ask("end")["ended"]:
            _idle.append(self._child)
        else:
            self._child.end()

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

    def _ask(self, order: str = "", *arguments: object) -> dict[str, Any]:
        assert self._child is not None
        if not self._begun:  # not before the driver was told what to show
            self._begun = True
            self._child.ask("begin", str(self._scenario), self._collectors)
        return self._child.ask(order, *arguments)


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


def _main() -> None:
    from exporter.node.collector import Pace  # noqa: PLC0415 - in the child only
    from exporter.node.collectors import DEFAULT, enabled  # noqa: PLC0415 - idem
    from exporter.node.driver.nvml import NvmlDriver  # noqa: PLC0415 - idem
    from exporter.node.publisher import NodePublisher, Options  # noqa: PLC0415 - idem

    def begun(scenario: str, chosen: list[str] | None) -> NodePublisher:
        os.environ[SCENARIO_VARIABLE] = scenario  # the library looks when it is loaded
        options = Options(
            NODE,
            collectors=DEFAULT if chosen is None else enabled(chosen),
            pace=Pace(INTERVAL, INTERVAL * 2, INTERVAL * 5),
            pci=Path("/nonexistent"),
        )
        publisher = NodePublisher(NvmlDriver(), options)
        publisher.start()
        return publisher

    faulthandler.enable()
    publisher: NodePublisher | None = None
    for order, *arguments in map(json.loads, sys.stdin):
        if order == "begin":
            publisher = begun(*arguments)
        assert publisher is not None
        if order == "end":
            publisher.stop()
        elif order in {"release", "resume"}:
            getattr(publisher, order)()
        _answer(publisher, ended=order == "end" and _alone())
    if publisher is not None:
        publisher.stop()


def _answer(publisher: "NodePublisher", *, ended: bool) -> None:
    page, not_ready = publisher.page().body.decode(), publisher.not_ready()
    print(json.dumps({"page": page, "not_ready": not_ready, "ended": ended}), flush=True)  # noqa: T201 - the answer


def _alone() -> bool:
    """Tell whether all other threads of this process end soon."""
    deadline = time.monotonic() + _END_SECONDS
    for each in threading.enumerate():
        if each is not threading.current_thread():
            each.join(max(0.0, deadline - time.monotonic()))
    return threading.active_count() == 1


if __name__ == "__main__":
    _main()
