"""Pages that are compared with a file; `make golden` takes over what differs."""

import os
from pathlib import Path

from exporter.version import __version__

# Read here: during a test the environment has nothing of ours.
_ACCEPTED = "GPUSCOPE_TEST_ACCEPT" in os.environ

_OURS, _ANY = f'version="{__version__}"', 'version="VERSION"'


def assert_golden(file: Path, page: str) -> None:
    """Hold *page* against *file*, where VERSION stands for ours, whatever the order of lines.

    With the variable GPUSCOPE_TEST_ACCEPT the file becomes the page, where they differ.
    """
    expected = file.read_text().replace(_ANY, _OURS) if file.exists() else ""
    if _ACCEPTED and sorted(expected.splitlines()) != sorted(page.splitlines()):
        file.write_text(page.replace(_OURS, _ANY))
        expected = page

    assert sorted(expected.splitlines()) == sorted(page.splitlines())
