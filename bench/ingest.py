"""Reports of jobs: how many are stored in a second, beside storing each by itself.

    .venv/bin/python bench/ingest.py [--small] [--seconds S] [--workers N …]

In this process, workers each report of a job of its own as soon as they are answered, with what
was measured and two log lines. In turns:

- raw: the same rows by the database's own driver, a transaction for each report, and no rules;
- each alone: the service's rules and tables, a transaction for each report;
- together: as the service does it, all that wait in one transaction.

Then over HTTP to a real `gpuscope-api`: as fast as it answers; and as workers do, at fixed times.
The quicker a disk confirms a write the less there is to win: what it takes is told first.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import api_parts
import promises
from figures import Figure
from machine import SHARED, machine
from plain_reports import Report as Plain
from plain_reports import postgresql_reports, sqlite_reports

from demo.processes import LOOPBACK, free_port
from queryapi.services.jobs.ingesting.around import Around
from queryapi.services.jobs.ingesting.batch import stored
from queryapi.services.jobs.ingesting.creating import Rules
from queryapi.services.jobs.ingesting.intake import Intake
from queryapi.services.jobs.ingesting.items import Reported
from queryapi.services.jobs.ingesting.remembered import Remembered
from queryapi.services.jobs.model import Caller, Line, Report
from queryapi.storage.engine import Store
from queryapi.storage.jobrecords import Job, Sample, Tariff
from tests.support.postgresql import PostgresqlServer, postgresql_server

_CONNECTIONS, _RATE, _RATE_TIMES = 64, 200, 4
_MANY = 64
_ALONE = "each alone, by the same rules"
_STORED = Figure(
    "reports stored in a second, 64 workers",
    "reports/s",
    beside=_ALONE,
    budgets=(promises.INGEST,),
    missed="grouping saves waiting for the disk, and the quicker it confirms a write, the less "
    "there is to win: what is left is the work for each report, some 0.1 ms of CPU for "
    "rules and rows on one interpreter, which grouping makes no less.",
)
_STORED_OF_FEW = Figure("reports stored in a second, fewer workers", "reports/s", beside=_ALONE)
_BESIDE_RAW = Figure(
    "the same", "reports/s", beside="raw: a transaction for each by the driver, no rules"
)
_WAIT = Figure("a report stored together, p99", "ms", beside=_ALONE)
_DISK = Figure("until the disk confirms a small write", "ms")
_HTTP = Figure("reports over HTTP as fast as answered", "reports/s")
_HTTP_LATE = Figure("the same, p99", "ms")
_AT_A_RATE = Figure("200 reports/s over HTTP, p50", "ms")
_AT_A_RATE_LATE = Figure(
    "200 reports/s over HTTP, p99", "ms", budgets=(promises.INGEST_P99,), missed=SHARED
)
FIGURES = (
    *(_STORED, _STORED_OF_FEW, _BESIDE_RAW, _WAIT, _DISK),
    *(_HTTP, _HTTP_LATE, _AT_A_RATE, _AT_A_RATE_LATE),
)
OPTIONS = ("--seconds=3",)
NOTES = (
    (
        "Raw transactions know no rules. Who reports alone pays for the rules, and waits for "
        "nobody: of 0.6 ms of CPU most is the transaction. Over HTTP its own thread takes 0.27 "
        "ms besides."
    ),
)
_RULES = Rules(auto_register=True, default_cluster=api_parts.CLUSTER)
_CALLER = Caller("bench", operates=True)
_LINE = "Epoch 5/10 completed, loss 0.0234, accuracy 98.5 %"
_SAMPLE = Sample(87.0, 18000.0, 24000.0, 72.0, 350.0)
_BODY = {
    "progress": 45,
    "currentOperation": "Training epoch 5/10",
    "metrics": {
        "gpuUtilization": 87,
        "gpuMemoryUsed": 18000,
        "gpuMemoryTotal": 24000,
        "gpuTemperature": 72,
        "powerUsage": 350,
    },
    "logLines": [{"level": "info", "message": _LINE}] * 2,
}


class _Unpriced:
    def now(self, job: Job, at: float) -> tuple[Tariff, ...]:
        """Return what a job costs."""
        return job.tariffs or (Tariff(at, "2.5"),)


class _Anywhere:
    def placed(self, job: Job) -> Job:
        """Return a job as it is."""
        return job

    def measured(self, job: Job) -> Sample | None:  # noqa: ARG002 - as asked
        """Return nothing."""
        return None


def main() -> None:
    """Measure and print."""
    options = _options()
    print(f"reports of jobs in a second: on {machine()}", flush=True)
    with tempfile.TemporaryDirectory() as name, postgresql_server() as server:
        _DISK.tell("8 KB and fdatasync, median", _confirmed(Path(name)) * 1000)
        for title in ("SQLite", "PostgreSQL"):
            folder = Path(name) / title
            folder.mkdir()
            _measure(title, folder, server, options)


def _confirmed(folder: Path) -> float:
    """Return the seconds that a small write takes until it is on the disk."""
    taken = []
    with (folder / "write").open("wb", buffering=0) as file:
        for _ in range(21):
            began = time.perf_counter()
            file.write(bytes(8192))
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _measure(
    title: str, folder: Path, server: PostgresqlServer, options: argparse.Namespace
) -> None:
    is_file = title == "SQLite"
    urls = [f"sqlite:///{folder / name}.db" if is_file else server.fresh() for name in "abc"]
    raw = sqlite_reports(folder) if is_file else postgresql_reports(server)
    with raw as store_raw, closing(Store(urls[0])) as one, closing(Store(urls[1])) as other:
        one.prepare()
        other.prepare()
        ways = store_raw, _each_alone(one)
        with closing(_intake(other)) as taking_in:
            for workers in options.workers:
                _side_by_side(title, (*ways, _together(taking_in)), workers, options.seconds)
    # Nobody answers there: reports ask no Prometheus.
    nobody = f"http://{LOOPBACK}:{free_port()}"
    settings = {"database_url": urls[2]}
    with api_parts.service(folder / "api", nobody, settings, role="admin") as (_, url):
        for workers in options.workers:
            told = _over_http(url, options.seconds, workers)
            _HTTP.tell(f"{title}, {workers} connections", told["rate"])
            _HTTP_LATE.tell(f"{title}, {workers} connections", told["p99"])
        told = _over_http(url, _RATE_TIMES * options.seconds, _CONNECTIONS, f"--rate={_RATE}")
        _AT_A_RATE.tell(f"{title}, {_CONNECTIONS} connections", told["p50"])
        _AT_A_RATE_LATE.tell(f"{title}, {_CONNECTIONS} connections", told["p99"])


def _intake(store: Store) -> Intake:
    return Intake(
        store, _RULES, prices=_Unpriced(), places=_Anywhere(), announce=lambda _: None
    )  # fmt: skip


def _together(taking_in: Intake) -> Plain:
    def store_one(worker: int, number: int) -> None:
        taking_in.report(f"job-{worker}", _report(worker, number), _CALLER)

    return store_one


def _each_alone(store: Store) -> Plain:
    """Return what stores a report by itself, on as many connections as the store has."""
    # Each worker knows its own job, as the service does all.
    known: dict[int, Remembered] = defaultdict(lambda: Remembered(store))

    def store_one(worker: int, number: int) -> None:
        item = Reported(f"job-{worker}", _report(worker, number), _CALLER)
        around = Around(time.time(), _Unpriced(), _Anywhere())
        (outcome,) = stored(store, [item], _RULES, around, known[worker])
        if isinstance(outcome, Exception):
            raise outcome

    return store_one


def _report(worker: int, number: int) -> Report:
    lines = (Line("info", _LINE),) * 2
    return Report(f"w{worker}", number % 90, "Training epoch 5/10", _SAMPLE, lines)


def _side_by_side(
    title: str, ways: tuple[Plain, Plain, Plain], workers: int, seconds: float
) -> None:
    taken = [_closed_loop(workers, seconds, way) for way in ways]
    raw, alone, together = (len(each) / seconds for each in taken)
    _, late_alone, late = (api_parts.high(each, 99) for each in taken)
    case = f"{title}, {workers} workers"
    (_STORED if workers == _MANY else _STORED_OF_FEW).tell(case, together, alone)
    _BESIDE_RAW.tell(case, together, raw)
    _WAIT.tell(case, late, late_alone)


def _over_http(url: str, seconds: float, connections: int, *more: str) -> dict[str, Any]:
    header = f"--header=Authorization: Bearer {api_parts.TOKEN}"
    arguments = (f"--connections={connections}", f"--seconds={seconds}", header, *more)
    told = api_parts.load(
        url, "/api/jobs/job-{}/progress", *arguments, f"--post={json.dumps(_BODY)}"
    )
    if set(told["statuses"]) != {"200"}:
        raise SystemExit(f"not only successes: {told['statuses']}")
    return told


def _closed_loop(workers: int, seconds: float, act: Callable[[int, int], None]) -> list[float]:
    """Have every worker act again and again, each with a number; returns what each act took."""
    first = 1_000_000 * workers
    taken: list[list[float]] = [[] for _ in range(workers)]
    until = time.monotonic() + seconds

    def work(worker: int) -> None:
        mine = taken[worker]
        while time.monotonic() < until:
            began = time.perf_counter()
            act(worker, first + len(mine))
            mine.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for mine in taken for one in mine]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="shorter, and less of it")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--workers", type=int, nargs="+")
    options = parser.parse_args()
    options.seconds = options.seconds or (0.25 if options.small else 1.5)
    options.workers = options.workers or ([1, 64] if options.small else [1, 8, 64])
    return options


if __name__ == "__main__":
    main()
