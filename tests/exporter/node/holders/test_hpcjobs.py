"""Batch jobs are read as dcgm-exporter reads them."""

import os
from pathlib import Path

from exporter.node.holders import hpcjobs
from exporter.node.holding import Part, Place

PLACES = (Place("GPU-a", 0), Place("GPU-b", 1, parts=(Part("MIG-x", 5, 0),)))


def test_jobs_of_devices(tmp_path: Path) -> None:
    """A file is a GPU or `<gpu>.<gi>`, a line is a job; what is not there gets none."""
    for name, text in {
        "0": "41\n\n 42 \n41\n",
        "1.5": "43",
        "1.6": "44",
        "7": "45",
        "1": "",
    }.items():
        (tmp_path / name).write_text(text)

    assert {("GPU-a", None): ("41", "42"), ("GPU-b", 5): ("43",)} == hpcjobs.by_device(
        hpcjobs.read(tmp_path), PLACES
    )


def test_an_index_that_two_devices_have_had(tmp_path: Path) -> None:
    """A file is of neither when one device was lost and another one has its index now."""
    (tmp_path / "0").write_text("41")
    (tmp_path / "1").write_text("42")
    places = (Place("GPU-lost", 0), Place("GPU-b", 0), Place("GPU-c", 1))

    assert {("GPU-c", None): ("42",)} == hpcjobs.by_device(hpcjobs.read(tmp_path), places)


def test_files_that_are_none(tmp_path: Path) -> None:
    """Huge files, pipes, folders, bytes, other names: nothing of that stops or says anything."""
    (tmp_path / "0").write_bytes(b"\xff\xfe")
    (tmp_path / "1").write_text("1\n" * 100_000)
    os.mkfifo(tmp_path / "2")
    (tmp_path / "3").mkdir()
    (tmp_path / "4").symlink_to("nowhere")
    (tmp_path / "5").write_text("x" * 300 + "\n6\n")
    (tmp_path / "README").write_text("7")

    found = hpcjobs.read(tmp_path)
    assert {"5": ("6",)} == {name: jobs for name, jobs in found.items() if jobs}
    assert {} == hpcjobs.read(tmp_path / "missing")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Who may write the folder does not get to read what only the exporter may."""
    (tmp_path / "secret").write_text("root:x")
    (tmp_path / "0").symlink_to(tmp_path / "secret")

    assert {"0": ()} == hpcjobs.read(tmp_path)


def test_other_files_hide_none(tmp_path: Path) -> None:
    """However many files of other names there are, those that count are found."""
    for number in range(hpcjobs._MOST_FILES + 1):
        (tmp_path / f"x{number}").touch()
    (tmp_path / "0").write_text("1")

    assert {"0": ("1",)} == hpcjobs.read(tmp_path)
