"""Runs a script as `make bench` does: in a process of its own, bounded in time."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from declared import Script
from figures import KEPT_IN, Told
from machine import machine
from measured import Run


class ScriptError(Exception):
    """A script failed or hung: what it measured is not kept."""


def run(script: Script) -> Run:
    """Run a script; raises ScriptError."""
    where = machine()
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "figures"
        kept.touch()
        command = [sys.executable, str(script.path), *script.options]
        if failure := _failure(command, script.limit, os.environ | {KEPT_IN: str(kept)}):
            raise ScriptError(f"{script.name}: {failure}")
        told = tuple(Told(**json.loads(line)) for line in kept.read_text().splitlines())
    return Run(where, script.options, told)


def _failure(command: Sequence[str], limit: float, environment: Mapping[str, str]) -> str:
    """Run a command with all that it starts; return how it failed, or nothing."""
    # A session of its own: what it has started ends with it.
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        try:
            status = process.wait(timeout=limit)
        except BaseException as reason:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(reason, subprocess.TimeoutExpired):
                return f"not done after {limit:g} s"
            raise
    return f"ended with {status}" if status else ""
