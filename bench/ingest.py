"""Reports of jobs: how many are stored in a second, beside two ways to store each by itself.

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

import api_parts
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

_BUDGET_RATIO, _BUDGET_MS = 5.0, 100.0
_CONNECTIONS, _RATE = 64, 200
_WAYS = "raw", "each alone", "together"
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
    print(f"reports of jobs in a second: on {api_parts.machine()}", flush=True)
    with tempfile.TemporaryDirectory() as name, postgresql_server() as server:
        print(f"  the disk confirms a write in {_confirmed(Path(name)) * 1000:.2f} ms")
        for title in ("SQLite", "PostgreSQL"):
            folder = Path(name) / title
            folder.mkdir()
            _measure(title, folder, server, options)
    print(f"  budget: {max(options.workers)} workers together {_BUDGET_RATIO:.0f} times each alone;"
          f" {_RATE}/s over HTTP with p99 {_BUDGET_MS:.0f} ms")  # fmt: skip


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
    print(f"  {title:13s}{''.join(f'{way:33s}' for way in _WAYS).rstrip()}", flush=True)
    with raw as store_raw, closing(Store(urls[0])) as one, closing(Store(urls[1])) as other:
        one.prepare()
        other.prepare()
        ways = store_raw, _each_alone(one)
        with closing(_intake(other)) as taking_in:
            for workers in options.workers:
                _side_by_side((*ways, _together(taking_in)), workers, options.seconds)
    # Nobody answers there: reports ask no Prometheus.
    nobody = f"http://{LOOPBACK}:{free_port()}"
    settings = {"database_url": urls[2]}
    with api_parts.service(folder / "api", nobody, settings, role="admin") as (_, url):
        for workers in options.workers:
            _over_http(url, f"{workers} connections", options.seconds, workers)
        seconds, rate = max(1.0, options.seconds), f"--rate={_RATE}"
        _over_http(url, f"{_RATE}/s at fixed times", seconds, _CONNECTIONS, rate)


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


def _side_by_side(ways: tuple[Plain, Plain, Plain], workers: int, seconds: float) -> None:
    told, rates = list[str](), list[float]()
    for way in ways:
        taken = _closed_loop(workers, seconds, way)
        rates.append(len(taken) / seconds)
        told.append(f"{rates[-1]:5.0f} {api_parts.spread(taken, 99):>26s}")
    raw, alone, together = rates
    print(f"    {workers:3d} workers {' '.join(told)};"
          f" {together / raw:.1f} times raw, {together / alone:.1f} times alone",
          flush=True)  # fmt: skip


def _over_http(url: str, title: str, seconds: float, connections: int, *more: str) -> None:
    header = f"--header=Authorization: Bearer {api_parts.TOKEN}"
    arguments = (f"--connections={connections}", f"--seconds={seconds}", header, *more)
    told = api_parts.load(
        url, "/api/jobs/job-{}/progress", *arguments, f"--post={json.dumps(_BODY)}"
    )
    wrong = {status: count for status, count in told["statuses"].items() if status != "200"}
    print(f"    HTTP, {title}: {told['rate']:.0f}/s, p50 {told['p50']:.1f} ms,"
          f" p99 {told['p99']:.1f} ms{f'; {wrong}' if wrong else ''}", flush=True)  # fmt: skip


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
