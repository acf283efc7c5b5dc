"""What is answered and announced is what is stored: a report as a whole, or nothing of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

from queryapi.errors import NotPermitted, StoreUnavailable
from queryapi.services.jobs.model import Report
from queryapi.storage import joblogs
from queryapi.storage.engine import Session, Store
from tests.support.reporting import ANN, intake, line, story
from tests.support.stored import stored


@pytest.fixture(name="store")
def _store(database_url: str) -> Iterator[Store]:
    with stored(database_url) as store:
        yield store


def _gone(*_: Any) -> NoReturn:
    raise StoreUnavailable("gone")


def _lost_in_the_lines(_: Store, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(joblogs, "add", _gone)


def _lost_in_the_end(store: Store, patch: pytest.MonkeyPatch) -> None:
    reporting = store.reporting

    @contextmanager
    def lost() -> Iterator[Session]:
        with reporting() as session:
            yield session
            _gone()

    patch.setattr(store, "reporting", lost)


@pytest.mark.parametrize("lose", [_lost_in_the_lines, _lost_in_the_end])
def test_what_could_not_be_stored_is_not_acknowledged_and_nothing_of_it_is_there(
    store: Store, monkeypatch: pytest.MonkeyPatch, lose: Any
) -> None:
    """A database that goes away before the end leaves what was before; nobody hears of it."""
    announced: list[Mapping[str, int]] = []
    with intake(store, announce=announced.append) as jobs:
        jobs.report("job-1", Report(sequence=1, lines=(line("a"),)), ANN)
        before = story(store, "job-1")
        with monkeypatch.context() as patch:
            lose(store, patch)
            with pytest.raises(StoreUnavailable):
                jobs.report("job-1", Report(progress=9.0, sequence=2, lines=(line("b"),)), ANN)
        assert before == story(store, "job-1")
        assert not jobs.report("job-1", Report(sequence=2, lines=(line("b"),)), ANN).duplicate

    assert [{"job-1": 2}, {"job-1": 4}] == announced
    assert ["a", "b"] == story(store, "job-1").messages


def test_whoever_looks_when_they_hear_of_a_frame_finds_it(store: Store) -> None:
    """Of what was refused, or is there already, nobody hears."""
    heard: list[tuple[int, int]] = []

    def look(changed: Mapping[str, int]) -> None:
        heard.extend((seq, story(store, id_).frames[-1]) for id_, seq in changed.items())

    with intake(store, announce=look) as jobs:
        for report in (
            Report(worker="w", sequence=1),
            Report(worker="w", sequence=1),
            Report(worker="w", sequence=2, lines=(line("x"),)),
        ):
            jobs.report("job-1", report, ANN)
        with pytest.raises(NotPermitted):
            jobs.report("job-1", Report(worker="v"), ANN)

    assert [(1, 1), (3, 3)] == heard
