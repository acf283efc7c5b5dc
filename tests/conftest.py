"""The weather all tests run in."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

from tests.support.logged import logging_restored

# A shared machine stalls now and then: no example is wrong for having been slow. Each run draws
# other examples: a few dozen of them are enough for one.
hypothesis.settings.register_profile("shared", deadline=None, max_examples=40)
hypothesis.settings.load_profile("shared")

_OURS = ("GPUSCOPE_", "KUBECONFIG", "NODE_NAME", "DEMO_NVML_", "OTEL_")


@pytest.fixture(autouse=True, scope="session")
def _scrubbed_environment() -> None:
    """Nothing that whoever runs the tests has set for themselves reaches a test."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def _memory_for_cpu() -> None:
    """Dozens of Prometheus run for a minute: looking for garbage is a sixth of what they do."""
    os.environ.setdefault("GOGC", "400")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that ran in this process leaves no level and no stream of its own behind."""
    with logging_restored():
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, files that start whole stacks come first: the others fill their waiting."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("e2e") is None)
