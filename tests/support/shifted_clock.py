"""A process whose wall clock is wrong, of whose neighbours it is right."""

import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")


def shifted(folder: Path, seconds: int) -> dict[str, str]:
    """Return the variables that let a process believe it is *seconds* later than it is.

    Programs written in Go ask the kernel themselves and are never deceived.
    """
    library = folder / "shifted_clock.so"
    if not library.exists():
        command = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-o", str(library), str(_SOURCE)]
        subprocess.run(command, check=True, timeout=60)
    return {"LD_PRELOAD": str(library), "SHIFTED_CLOCK": str(seconds)}
