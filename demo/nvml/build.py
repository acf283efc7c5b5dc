"""Compiles the library when its sources are newer, and tells a process how to load it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SONAME = "libnvidia-ml.so.1"
SCENARIO_VARIABLE = "DEMO_NVML_SCENARIO"

_SOURCES = Path(__file__).parent
_BUILD_DIRECTORY = _SOURCES.parent.parent / "build" / "nvml"
_FLAGS = (
    *("-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"),
    f"-Wl,-soname,{SONAME}",
)
_LIBRARIES = ("-lm", "-lpthread")


class BuildError(Exception):
    """The library cannot be compiled; the message says what to do."""


def build(directory: Path = _BUILD_DIRECTORY, *, compiler: str = "cc") -> Path:
    """Return the path of an up-to-date library in *directory*, compiling it when needed.

    Raises:
        BuildError: When there is no compiler or it fails.
    """
    library = directory / SONAME
    if _up_to_date(library):
        return library
    if shutil.which(compiler) is None:
        raise BuildError(
            f"no C compiler ({compiler}) found: install one, on Debian or Ubuntu with"
            " `apt-get install gcc libc6-dev`"
        )
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        fresh = Path(scratch) / SONAME
        _compile(compiler, fresh)
        # A process that loaded the old file keeps it; two builds at once do not mix.
        fresh.replace(library)
    return library


def environment(scenario: Path, *, library: Path | None = None) -> dict[str, str]:
    """Return the variables that make a process load the library and play *scenario*.

    Args:
        scenario: The scenario file; it need not exist yet.
        library: The library as returned by `build`; None = build it.

    Raises:
        BuildError: When it has to be compiled and cannot be.
    """
    directory = str((library or build()).parent)
    inherited = os.environ.get("LD_LIBRARY_PATH")
    return {
        "LD_LIBRARY_PATH": f"{directory}:{inherited}" if inherited else directory,
        SCENARIO_VARIABLE: str(scenario),
    }


def _up_to_date(library: Path) -> bool:
    if not library.exists():
        return False
    built = library.stat().st_mtime
    return all(source.stat().st_mtime <= built for source in _SOURCES.glob("*.[ch]"))


def _compile(compiler: str, target: Path) -> None:
    sources = sorted(str(source) for source in _SOURCES.glob("*.c"))
    result = subprocess.run(
        [compiler, *_FLAGS, "-o", str(target), *sources, *_LIBRARIES],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise BuildError(f"{compiler} could not compile {SONAME}:\n{result.stderr}")
