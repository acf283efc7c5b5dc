"""What tests of the node role stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_driver import Hang
from tests.support.nvml import NodeProcess, end_idle


@pytest.fixture
def hang() -> Iterator[Hang]:
    """Return something to hang in; whatever hangs there is let go at the end."""
    hang = Hang()
    yield hang
    if hang.calls:
        hang.release(hang.error)


@pytest.fixture(autouse=True, scope="session")
def _no_idle_process() -> Iterator[None]:
    """No process that waits for a next node outlives the tests."""
    yield
    end_idle()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """Return a node role that has not been told yet what its driver shows."""
    with NodeProcess(tmp_path) as process:
        yield process
