"""A freshly loaded library for every test, asked through nvidia-ml-py."""

import _ctypes
import ctypes
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pynvml
import pytest

from demo.nvml.build import SCENARIO_VARIABLE, SONAME, build
from demo.nvml.scenario import Scenario, System, write

Play = Callable[..., None]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """Return a function that makes a freshly loaded library show its arguments."""
    scenario = tmp_path / "scenario.ini"
    monkeypatch.setenv(SCENARIO_VARIABLE, str(scenario))
    # A copy is an image of its own, with no memory of the test before.
    library = ctypes.CDLL(shutil.copy(str(build()), str(tmp_path / f"copy-{SONAME}")))
    monkeypatch.setattr(pynvml, "nvmlLib", library)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    yield lambda *devices, **system: write(scenario, Scenario(devices, System(**system)))
    _ctypes.dlclose(library._handle)
