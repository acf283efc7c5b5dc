"""What a large answer needed is given back."""

import ctypes
import subprocess
import sys

import pytest

from queryapi.server import memory

_MEGABYTE = 1024 * 1024
# A process of its own: the tests' has room left from others, which no rule of ours gives back.
_PROCESS = """
from pathlib import Path
from queryapi.server import memory

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))

memory.return_large_blocks()
first = b"x" * 16_000_000
del first
large = b"x" * 12_000_000
kept = [b"x" * 1024 for _ in range(1000)]
before = resident()
del large
print(before - resident())
"""


def test_a_large_block_is_given_back_whatever_was_kept_since() -> None:
    """After a first large block, too, and with smaller ones behind it."""
    told = subprocess.run([sys.executable, "-c", _PROCESS], check=True, stdout=subprocess.PIPE)

    assert 8 * _MEGABYTE < int(told.stdout)


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it is not glibc's to be told."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())

    memory.return_large_blocks()
