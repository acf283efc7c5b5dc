"""What a large answer needed is given back."""

import ctypes
from pathlib import Path

import pytest

from queryapi.server import memory

_MEGABYTE = 1024 * 1024


def _resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def test_a_large_block_is_given_back_whatever_was_kept_since() -> None:
    """After a first large block, too, and with smaller ones behind it."""
    memory.return_large_blocks()
    first = b"x" * (16 * _MEGABYTE)
    del first
    large = b"x" * (12 * _MEGABYTE)
    kept = [b"x" * 1024 for _ in range(1000)]
    before = _resident()
    del large

    assert before - 8 * _MEGABYTE > _resident()
    assert 1000 == len(kept)


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it is not glibc's to be told."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())

    memory.return_large_blocks()
