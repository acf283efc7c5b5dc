"""The weather all tests run in."""

import os
from collections.abc import Iterator

import hypothesis
import pytest
from coverage import Coverage

from tests.support.logged import logging_restored
from tests.support.postgresql import PostgresqlServer, postgresql_server

# A shared machine stalls now and then: no example is wrong for having been slow. Each run draws
# other examples: a few dozen of them are enough for one.
hypothesis.settings.register_profile("shared", deadline=None, max_examples=40)
hypothesis.settings.load_profile("shared")

_MANY_PROCESSES = {"attacks", "e2e", "faults", "tools"}
_OURS = ("GPUSCOPE_", "KUBECONFIG", "NODE_NAME", "DEMO_NVML_", "OTEL_")


@pytest.fixture(autouse=True, scope="session")
def _scrubbed_environment() -> None:
    """Nothing that whoever runs the tests has set for themselves reaches a test."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def _no_proxy() -> None:
    """What tests ask is on loopback: it is asked itself, whatever proxy leads out of here.

    Without this, `requests` looks through the whole environment each time, which pytest changes
    under threads that go on from one test to the next.
    """
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,::1,127.0.0.0/8"


@pytest.fixture(autouse=True, scope="session")
def _memory_for_cpu() -> None:
    """Dozens of Prometheus run for a minute: looking for garbage is a sixth of what they do."""
    os.environ.setdefault("GOGC", "400")


@pytest.fixture(autouse=True, scope="module")
def _spared_coverage(request: pytest.FixtureRequest) -> Iterator[None]:
    """Services that run whole are held by what they do: other rooms run their lines, measured.

    Measuring makes a start, and all that is asked of it, half as dear again. A file that must be
    measured says so by a fixture of this name, one elsewhere whose services need not be by
    `MEASURED_ELSEWHERE = True`.
    """
    whole = request.path.parent.name in _MANY_PROCESSES
    measuring = Coverage.current() if whole else None
    with pytest.MonkeyPatch.context() as patched:
        if whole or getattr(request.module, "MEASURED_ELSEWHERE", False):
            patched.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        if measuring:
            measuring.stop()
        yield
        if measuring:
            measuring.start()


@pytest.fixture(autouse=True, scope="module")
def _logging_as_other_files_left_it() -> Iterator[None]:
    """Nor does one that ran for all tests of a file."""
    with logging_restored():
        yield


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that ran in this process leaves no level and no stream of its own behind."""
    with logging_restored():
        yield


@pytest.fixture(name="postgresql", scope="session")
def _postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL that nobody kills or freezes, started for the first test that asks."""
    with postgresql_server() as server:
        yield server


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, files that start whole stacks come first: the others fill their waiting."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("e2e") is None)
