"""What was measured of a job, one by one and span by span, on both databases."""

from collections.abc import Iterator, Sequence
from math import floor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from queryapi.errors import UpstreamUnavailable
from queryapi.services.jobs.answers import MetricsTold
from queryapi.services.jobs.bounds import MOST_ROWS
from queryapi.services.jobs.reading.metrics import Metrics, Window
from queryapi.storage import jobevents, joblogs, jobs
from queryapi.storage.engine import Store
from queryapi.storage.jobrecords import Event, Job, LogLine, Sample
from tests.support.stored import stored

_DAY = 86_400.0
_NOW = 1_000_000.0
_SPREAD = st.lists(
    st.tuples(
        st.floats(0, 600, allow_nan=False),
        st.none() | st.floats(0, 100, allow_nan=False),
    ),
    max_size=30,
)


@pytest.fixture(name="store")
def _store(database_url: str) -> Iterator[Store]:
    with stored(database_url) as store:
        yield store


def _job(store: Store, name: str = "j", *, created_at: float = _NOW - 600) -> Job:
    job = Job(number=0, id=name, cluster="c", owner="w", created_at=created_at)
    with store.writing() as session:
        jobs.begin(session, job)
    with store.reading() as session:
        found = jobs.one(session, name)
    assert found is not None
    return found


def _event(job: Job, seq: int, at: float, utilization: float | None) -> Event:
    sample = None if utilization is None else Sample(utilization=utilization)
    return Event(job.number, seq, at, "progress", 1, 0.0, sample=sample)


def _told(store: Store, metrics: Metrics, job: Job, window: Window) -> MetricsTold:
    with store.reading() as session:
        step, found = metrics.stored(session, job, window, _NOW)
    return metrics.told(job, window, _NOW, step, found)


_count = iter(range(1_000_000))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spread=_SPREAD, step=st.sampled_from([1, 7, 60, 600]))
def test_spans_hold_what_was_measured_in_them(
    store: Store, spread: list[tuple[float, float | None]], step: int
) -> None:
    """Every measurement is in the one span that it belongs to; spans without any are not told."""
    job = _job(store, f"j{next(_count)}")
    begin = _NOW - 600
    with store.writing() as session:
        jobevents.add(
            session,
            [
                _event(job, seq, begin + after, value)
                for seq, (after, value) in enumerate(spread, 1)
            ],
        )
    told = _told(store, Metrics(None, _DAY), job, Window(600, step))
    first = floor(begin / step) * step
    expected: dict[int, list[float]] = {}
    for after, value in spread:
        if value is not None:
            expected.setdefault(int((begin + after - first) / step), []).append(value)

    assert [len(expected[place]) for place in sorted(expected)] == [r.count for r in told.metrics]
    for place, row in zip(sorted(expected), told.metrics, strict=True):
        values = expected[place]
        assert row.gpu_utilization == pytest.approx(sum(values) / len(values))
        assert (min(values), max(values)) == (row.min.gpu_utilization, row.max.gpu_utilization)  # type: ignore[union-attr]
        assert row.power_usage is None


def test_what_is_too_much_to_tell_is_told_in_spans(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left out, and the answer says how long the spans are."""
    monkeypatch.setattr("queryapi.services.jobs.reading.metrics.MOST_ROWS", 50)
    job = _job(store)
    with store.writing() as session:
        jobevents.add(session, [_event(job, n + 1, _NOW - 599 + n * 5, n) for n in range(100)])
    told = _told(store, Metrics(None, _DAY), job, Window(600))

    assert 12 == told.step
    assert 100 == sum(row.count for row in told.metrics if isinstance(row.count, int))
    assert len(told.metrics) <= 51 < MOST_ROWS


class _Remembers:
    """A Prometheus that measured 5 all the time, or does not answer."""

    def __init__(self, *, silent: bool = False) -> None:
        self.asked: list[tuple[float, float, float]] = []
        self._silent = silent

    def earlier(
        self, _job: Job, since: float, until: float, step: float, /
    ) -> Sequence[tuple[float, Sample]]:
        """Return what was measured."""
        self.asked.append((since, until, step))
        if self._silent:
            raise UpstreamUnavailable("Prometheus did not answer in time", reason="timeout")
        return [(at, Sample(utilization=5)) for at in (since, until)]


def test_prometheus_tells_what_the_store_has_forgotten(store: Store) -> None:
    """Up to the span from which the store has all, and not from before there was the job."""
    job, past = _job(store, created_at=_NOW - 3 * 3600), _Remembers()
    with store.writing() as session:
        jobevents.add(session, [_event(job, n, _NOW - n * 1800, 80) for n in (1, 5)])
    told = _told(store, Metrics(past, 3600), job, Window(86_400, 60))

    [(since, until, step)] = past.asked
    assert (60, 0, 0) == (step, since % 60, until % 60)
    assert since <= _NOW - 3 * 3600 <= since + 360
    assert 0 <= until - (_NOW - 3600) < 60
    assert [5, 80] == [row.gpu_utilization for row in told.metrics]
    assert UNSET is told.partial


@pytest.mark.parametrize("past", [None, _Remembers(silent=True)], ids=["none", "silent"])
def test_what_cannot_be_had_is_said(store: Store, past: _Remembers | None) -> None:
    """The answer is `partial`, and no failure."""
    job = _job(store, created_at=_NOW - 3 * 3600)
    told = _told(store, Metrics(past, 3600), job, Window(86_400, 60))

    assert ((), True) == (told.metrics, told.partial)


def test_pages_and_text_of_a_log_agree(store: Store) -> None:
    """Whatever the page's length, by offset or by number: the same lines, each once."""
    job = _job(store)
    lines = [LogLine(job.number, n * 7, _NOW, "info", f"{n} 100%_x", _NOW) for n in range(1, 24)]
    with store.writing() as session:
        joblogs.add(session, lines)
    with store.reading() as session:
        by_offset: list[LogLine] = []
        by_number: list[LogLine] = []
        before = None
        for offset in range(0, 23, 5):
            by_offset[:0] = joblogs.page(session, job.number, limit=5, offset=offset)
            by_number[:0] = found = joblogs.page(session, job.number, limit=5, before=before)
            before = found[0].number
        onward = joblogs.onward(session, job.number, beyond=-1, until=10**9, limit=100)
        some = joblogs.onward(
            session, job.number, beyond=7, until=35, limit=2, search="100%_X", level="info"
        )

    assert lines == by_offset == by_number == list(onward)
    assert [14, 21] == [line.number for line in some]
