"""Promises of the build and of the scenario writer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.nvml import __main__ as command
from demo.nvml.build import SONAME, BuildError, build, environment
from demo.nvml.models import H100, MODELS, T4, device
from demo.nvml.scenario import Ailment, Device, Fault, Integral, Scenario, System, Wave, write


def test_build_once(tmp_path: Path) -> None:
    """The library is compiled when there is none, and then left alone."""
    library = build(tmp_path)
    built = library.stat().st_mtime_ns

    assert tmp_path / SONAME == library
    assert built == build(tmp_path).stat().st_mtime_ns


def test_build_when_older(tmp_path: Path) -> None:
    """A library older than its sources is compiled again."""
    library = build(tmp_path)
    os.utime(library, (0, 0))

    assert build(tmp_path).stat().st_mtime > 0


def test_no_compiler(tmp_path: Path) -> None:
    """Without a compiler one sentence says what to install."""
    with pytest.raises(BuildError, match="apt-get install gcc"):
        build(tmp_path, compiler="no-such-compiler")


def test_failing_compiler(tmp_path: Path) -> None:
    """What the compiler complains about is passed on, and nothing half-made is left."""
    with pytest.raises(BuildError, match="could not compile"):
        build(tmp_path, compiler="false")

    assert [] == list(tmp_path.iterdir())


def test_command() -> None:
    """`python -m demo.nvml build` prints where the library is."""
    result = subprocess.run(
        [sys.executable, "-m", "demo.nvml", "build"], capture_output=True, text=True, check=True
    )

    assert f"{build()}\n" == result.stdout


def test_wrong_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Any other command is refused with a line of usage."""
    assert 2 == command.main([])
    assert "usage" in capsys.readouterr().err


def test_command_that_cannot_build(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed build is one sentence and an exit code."""

    def fail() -> Path:
        raise BuildError("no compiler")

    monkeypatch.setattr(command, "build", fail)

    assert 1 == command.main(["build"])
    assert "no compiler\n" == capsys.readouterr().err


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process finds the library first, and what it would have found otherwise after it."""
    library, scenario = tmp_path / SONAME, tmp_path / "scenario.ini"
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")

    assert f"{tmp_path}:/opt/lib" == environment(scenario, library=library)["LD_LIBRARY_PATH"]

    monkeypatch.delenv("LD_LIBRARY_PATH")

    assert {"LD_LIBRARY_PATH": str(tmp_path), "DEMO_NVML_SCENARIO": str(scenario)} == environment(
        scenario, library=library
    )


def test_scenario_text() -> None:
    """A scenario becomes the text that README.md describes; what is not given is left out."""
    scenario = Scenario(
        (
            Device(
                "GPU-a",
                power=Wave(80, 650, 60),
                energy=Integral(1000),
                faults=(
                    Fault("PowerUsage", Ailment.HANG, 30),
                    Fault("*", Ailment.GPU_LOST, since=9),
                ),
            ),
        ),
        System(absent=("MemoryInfo_v2", "TemperatureV")),
    )

    assert (
        "[system]\n"
        "driver_version = 570.124.06\n"
        "nvml_version = 12.570.124.06\n"
        "cuda_version = 12080\n"
        "absent = MemoryInfo_v2 TemperatureV\n"
        "\n"
        "[device]\n"
        "uuid = GPU-a\n"
        "name = NVIDIA H100 80GB HBM3\n"
        "power = wave 80 650 60 0\n"
        "energy = integral 1000\n"
        "fault = PowerUsage hang 30 from=0\n"
        "fault = * gpu_lost from=9\n"
    ) == scenario.text()


def test_write_replaces(tmp_path: Path) -> None:
    """A file is replaced as a whole, and nothing else is left beside it."""
    path = tmp_path / "scenario.ini"
    write(path, Scenario((Device("GPU-a"),)))
    write(path, Scenario())

    assert Scenario().text() == path.read_text()
    assert [path] == list(tmp_path.iterdir())


def test_models() -> None:
    """A device of a known model has what the model has: a T4, for one, no memory sensor."""
    assert MODELS["Tesla T4"] is T4
    assert device(T4, "GPU-a", 0, busy=0.5).temperature_memory is None
    assert Wave(35, 35, 120, 0) == device(H100, "GPU-a", 0, busy=0).temperature_memory
