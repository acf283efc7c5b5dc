"""What several tests of the cluster role begin with."""

import pytest

from tests.support.followed import FollowedPods


@pytest.fixture
def followed() -> FollowedPods:
    """Return an empty fleet."""
    return FollowedPods()
