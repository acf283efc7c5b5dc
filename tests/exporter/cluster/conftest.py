"""What several tests of the cluster role begin with."""

from functools import partial
from pathlib import Path

import pytest

from tests.support.connecting import Connect, connected
from tests.support.followed import FollowedPods


@pytest.fixture
def followed() -> FollowedPods:
    """Return an empty fleet."""
    return FollowedPods()


@pytest.fixture
def connect(tmp_path: Path) -> Connect:
    """Return a function that connects to a URL."""
    return partial(connected, tmp_path)
