"""What is announced is told at once, whatever carries it; without it a look each second does."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from demo.processes import wait_for
from queryapi.bus.choice import bus_of, needs_pair
from queryapi.bus.pair import pair
from queryapi.settings import Settings
from tests.support.jobs import reported
from tests.support.jobstories import Writer, follow, told
from tests.support.postgresql import PostgresqlServer
from tests.support.query_service import running
from tests.support.redis import redis_server
from tests.support.stored import stored
from tests.support.streaming import streaming


@contextmanager
def _settings(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[dict[str, Any]]:
    given: dict[str, Any] = {"database_url": f"sqlite:///{folder / 'gpuscope.db'}"}
    with ExitStack() as stack:
        if kind == "redis":
            given["redis_url"] = stack.enter_context(redis_server(folder)).url
        if kind == "postgresql":
            server = request.getfixturevalue("postgresql")
            assert isinstance(server, PostgresqlServer)
            given["database_url"] = server.fresh()
        yield given


@pytest.mark.parametrize(
    "kind",
    [
        "pair",
        pytest.param("redis", marks=pytest.mark.e2e),
        pytest.param("postgresql", marks=pytest.mark.e2e),
    ],
)
def test_what_is_reported_is_told_at_once(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No look is due for minutes: it is the word of whoever stored it that makes a gateway look."""
    monkeypatch.setattr("queryapi.gateway.jobstream._EVERY_SECONDS", 300.0)
    with _settings(kind, request, tmp_path) as given, ExitStack() as stack:
        settings = Settings(**given)
        speaking, hearing = pair() if needs_pair(settings) else (None, None)
        bus = bus_of(settings, speaking)
        stack.callback(bus.close)
        service = stack.enter_context(running(bus=bus, **given))
        reported(service, "job", progress=1)
        gateway = stack.enter_context(streaming(hearing=hearing, **given))
        client = stack.enter_context(gateway.connect(path="/ws"))
        follow(client, "job")
        for kind_of_frame in ("connected", "subscribed", "JOB_PROGRESS"):
            told(client, kind_of_frame)
        sent, heard = list[int](), list[int]()

        def is_told() -> bool:
            # Whoever has not begun to hear yet misses a word, and is told by the next.
            sent.append(reported(service, "job", progress=2)["seq"])
            with suppress(TimeoutError):
                while heard != sent:
                    heard.append(told(client, "JOB_PROGRESS", seconds=0.2)["seq"])
            return heard == sent

        wait_for(is_told, seconds=60, what="its frame")


def test_without_any_bus_it_is_told_within_a_second_or_so(tmp_path: Path) -> None:
    """The gateway looks by itself for those jobs that somebody follows."""
    url = f"sqlite:///{tmp_path / 'gpuscope.db'}"
    with stored(url) as store, streaming(database_url=url) as gateway:
        write = Writer(store)
        write.create("job")
        with gateway.connect(path="/") as client:
            follow(client, "job")
            for kind in ("connected", "subscribed", "JOB_PROGRESS"):
                told(client, kind)
            write.report("job")
            assert 1 == told(client, "JOB_PROGRESS")["seq"]
