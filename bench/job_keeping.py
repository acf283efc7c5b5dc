"""How long writers of one row wait while log lines of jobs are forgotten.

    .venv/bin/python bench/job_keeping.py [--lines N] [--seconds S]

One thread stores a row in a transaction of its own, again and again with a short rest, as reports
come in; alone first, then while 200,000 old lines go, in the same database.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import api_parts
from figures import Figure
from machine import machine
from prometheus_client import CollectorRegistry
from spent import MEGA

from queryapi.services.jobs.keeping.forgetting import BATCH, Forgetting
from queryapi.services.jobs.keeping.keeper import KEEPING, TURN_SECONDS, Keeper
from queryapi.services.tenure import Tenure
from queryapi.settings import Jobs
from queryapi.storage import jobevents
from queryapi.storage.engine import Store
from queryapi.telemetry.keeping import Keeping
from tests.support.keptjobs import event_of, job_of, keep
from tests.support.postgresql import postgresql_server

_NOW = 1e9
_JOBS = 50
_REST_SECONDS = 0.005
_MIDDLE = Figure("a writer's row, p50 while lines go", "ms", beside="alone")
_LATE = Figure("a writer's row, p99 while lines go", "ms", beside="alone")
_SLOWEST = Figure("a writer's row, slowest while lines go", "ms", beside="alone")
_RATE = Figure("lines that go in a second", "lines/s")
_FILE = Figure("the file of SQLite afterwards", "MB", beside="before")
FIGURES = (_MIDDLE, _LATE, _SLOWEST, _RATE, _FILE)
OPTIONS = ("--seconds=3",)


def main() -> None:
    """Measure and print."""
    options = _options()
    print(f"forgetting {options.lines} lines: on {machine()}", flush=True)
    with tempfile.TemporaryDirectory() as name, postgresql_server() as server:
        file = Path(name) / "jobs.db"
        for title, url in (("SQLite", f"sqlite:///{file}"), ("PostgreSQL", server.fresh())):
            with closing(Store(url)) as store:
                _fill(store, options)
                before = file.stat().st_size
                _measure(title, store, options)
            if title == "SQLite":
                _FILE.tell(f"{options.lines:,} lines", file.stat().st_size / MEGA, before / MEGA)


def _fill(store: Store, options: argparse.Namespace) -> None:
    each = options.lines // _JOBS
    for number in range(_JOBS):
        line = f"step {number}: loss 0.0234, accuracy 98.5 %, learning rate 0.0003, 812 tokens/s"
        keep(
            store,
            job_of(f"j{number}", created_at=_NOW, reported_at=_NOW),
            lines=[(0.0, line)] * each,
        )


def _measure(title: str, store: Store, options: argparse.Namespace) -> None:
    alone = _writes(store, lambda began: time.monotonic() - began < options.seconds)
    tenure = Tenure(store, KEEPING, TURN_SECONDS)
    forgetting = Forgetting(store, tenure, Jobs(), lambda: _NOW, batch=options.batch)
    keeper = Keeper(forgetting, tenure, metrics=Keeping(CollectorRegistry()), clock=lambda: _NOW)
    passing = threading.Thread(target=keeper.turn)
    began = time.monotonic()
    passing.start()
    beside = _writes(store, lambda _: passing.is_alive(), first=len(alone))
    passing.join()
    seconds = time.monotonic() - began
    case = f"{title}, {options.lines:,} lines"
    _MIDDLE.tell(case, *(1000 * statistics.median(each) for each in (beside, alone)))
    _LATE.tell(case, *(api_parts.high(each, 99) for each in (beside, alone)))
    _SLOWEST.tell(case, *(1000 * max(each) for each in (beside, alone)))
    _RATE.tell(case, options.lines / seconds)


def _writes(store: Store, goes_on: Callable[[float], bool], first: int = 0) -> list[float]:
    taken: list[float] = []
    began = time.monotonic()
    while goes_on(began):
        before = time.perf_counter()
        with store.writing() as session:
            jobevents.add(session, [event_of(1 + first + len(taken), _NOW, job=1)])
        taken.append(time.perf_counter() - before)
        time.sleep(_REST_SECONDS)
    return taken


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--batch", type=int, default=BATCH)
    return parser.parse_args()


if __name__ == "__main__":
    main()
