"""The weather all tests run in."""

import os

import hypothesis
import pytest

# A shared machine stalls now and then: no example is wrong for having been slow.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")

_OURS = ("GPUSCOPE_", "KUBECONFIG", "NODE_NAME", "DEMO_NVML_", "OTEL_")


@pytest.fixture(autouse=True, scope="session")
def _scrubbed_environment() -> None:
    """Nothing that whoever runs the tests has set for themselves reaches a test."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]
