"""Samples in TypeScript, run by Node as they are written."""

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_SAMPLES = _HERE.parents[1] / "samples"
# Only ever waited out by a test that fails.
_SECONDS = 60.0
# Where Debian's packages put what they hold.
_MODULES = "/usr/share/nodejs"
_NEEDED = ("ws", "react", "react-test-renderer")


@cache
def compiled(sample: str, form: str) -> str:
    """Return a sample of tests/samples without its types, JSX as calls."""
    lacking = [program for program in ("node", "esbuild") if shutil.which(program) is None]
    lacking += [module for module in _NEEDED if not Path(_MODULES, module).exists()]
    assert not lacking, f"samples cannot run without {', '.join(lacking)}: make setup installs them"
    command = ["esbuild", str(_SAMPLES / sample), f"--format={form}", "--log-level=warning"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Page:
    """A program that goes on."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, fits: Callable[[Any], bool]) -> Any:
        """Return the first that it tells, as JSON, and that fits."""
        seen: list[str] = []
        while True:
            try:
                seen.append(self._lines.get(timeout=_SECONDS))
            except queue.Empty:
                raise AssertionError(f"not within {_SECONDS} s; told was {seen[-5:]}") from None
            told = json.loads(seen[-1])
            if fits(told):
                return told

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


def printed(
    sample: str,
    values: Mapping[str, Any],
    *,
    functions: Sequence[str] = (),
    tells: Sequence[str] = (),
) -> list[str]:
    """Return the lines that a sample prints, then what it shall tell in the end."""
    command = _command("sample", sample, "esm", values, functions, tells)
    done = subprocess.run(
        command, env=_environment(), capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.splitlines()


@contextmanager
def listening(
    sample: str, values: Mapping[str, Any], *, functions: Sequence[str] = ()
) -> Iterator[Page]:
    """Run a sample that listens."""
    with _page(_command("sample", sample, "esm", values, functions, ())) as page:
        yield page


@contextmanager
def component(sample: str, values: Mapping[str, Any]) -> Iterator[Page]:
    """Show a React component; it tells what is shown."""
    with _page(_command("component", sample, "cjs", values, (), ())) as page:
        yield page


@contextmanager
def _page(command: Sequence[str]) -> Iterator[Page]:
    with subprocess.Popen(
        command, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        try:
            yield Page(process)
        finally:
            process.stdin.close()
            try:
                assert 0 == process.wait(_SECONDS)
            finally:
                process.kill()


def _command(
    runner: str,
    sample: str,
    form: str,
    values: Mapping[str, Any],
    functions: Sequence[str],
    tells: Sequence[str],
) -> list[str]:
    given = {
        "values": values,
        "functions": list(functions),
        "tells": list(tells),
        "listens": not tells and bool(functions),
    }
    return ["node", str(_HERE / f"{runner}.cjs"), compiled(sample, form), json.dumps(given)]


def _environment() -> dict[str, str]:
    return {**os.environ, "NODE_PATH": _MODULES}
