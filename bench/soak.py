"""Ten minutes of everything at once: no error, nothing stale, nothing lost.

    .venv/bin/python bench/soak.py [--seconds=600] [--reads=200] [--workers=64] [--subscribers=500]
                                   [--share=1] [--speed=100] [--postgresql] [--faults]

The whole stack as its users run it replays a production trace (`TRACE_DIR`), while clients read of
all five APIs at a rate, workers report once a second each, and WebSockets follow their jobs and the
real-time metrics. Once a second answers are compared with what the trace's own rows say was true at
the moment that they are about; now and then the replay stands still, and all must be told exactly.
With `--faults` Prometheus stands still for a while, the gateway is killed, and a worker is: what is
seen then is counted apart. Ends with 1 where anything else was seen.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import promises
from figures import Figure
from machine import machine
from soak_parts import Faults, Whole, listeners, readers, whole
from soak_seen import KINDS, Seen, Watch, check_jobs

from demo.processes import wait_for
from tests.support.job_follower import Follower
from tests.support.job_workers import Background, Ledger, Manner, job_ids, report
from tests.support.replayed import Replay
from tests.support.sized import Size
from tests.support.traced import share

_BEGIN = 12_800_000
"""A second of the trace after which many pods come and go."""
_MOVING, _PATIENCE = 40.0, 30.0
"""Seconds between two standstills, and how long one lasts at most."""
_FAILED = Figure("reads without an answer", "reads", budgets=(promises.SOAK_READS,))
_STALE = Figure("answers that are older than promised", "answers", budgets=(promises.SOAK_STALE,))
_UNTRUE = Figure(
    "answers that are not the truth of their moment", "answers", budgets=(promises.SOAK_UNTRUE,)
)
_LOST = Figure(
    "jobs of whose acknowledged reports one is not stored once",
    "jobs",
    budgets=(promises.SOAK_LOST,),
)
_UNDELIVERED = Figure(
    "frames of jobs that are not delivered in order, exactly once",
    "frames",
    budgets=(promises.SOAK_FRAMES,),
)
_DROPPED = Figure("subscribers that were dropped", "subscribers", budgets=(promises.SOAK_DROPPED,))
_COUNTED = dict(zip(KINDS, (_FAILED, _STALE, _UNTRUE, _LOST, _UNDELIVERED, _DROPPED), strict=True))
_READ = Figure("p99 of all reads", "ms")
_CPU = Figure("CPU of all of ours and Prometheus", "cores")
_MEMORY = Figure("memory of the exporter and the query API", "MB", beside="in the middle of it")
FIGURES = (*_COUNTED.values(), _READ, _CPU, _MEMORY)
OPTIONS = ("--seconds=120",)
LIMIT_SECONDS = 400.0


def main() -> int:
    """Run it, print what was seen, and return the status."""
    options = _options()
    print(f"everything for {options.seconds:.0f} s: on {machine()}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "trace").mkdir()
        trace = share(Path(os.environ["TRACE_DIR"]), folder / "trace", options.share)
        with whole(folder, trace, _BEGIN, options) as it:
            replay = Replay(trace, it.running.fleet_url, _BEGIN)
            it.running.wait_for_totals(replay.now.total_gpus)
            return _Soak(it, replay, options).run()


class _Soak:
    """One run."""

    def __init__(self, it: Whole, replay: Replay, options: argparse.Namespace) -> None:
        self._it, self._replay, self._options = it, replay, options
        self._seen = Seen(Faults(it))
        lag = 2 * options.scrape + 3.0
        # Kept for so long, of an evaluation, which was of a scrape, and one of them may come late.
        promise = options.ttl + 3 * options.scrape + 5.0
        self._watch = Watch(it, replay, self._seen, lag, promise)
        self._jobs = job_ids(options.workers)
        self._ledger = Ledger()
        self._sizes: list[tuple[float, Mapping[str, Size]]] = []

    def run(self) -> int:
        """Load it, end the load in order, and tell."""
        options, over = self._options, threading.Event()
        follower = Follower(f"ws://{self._it.stream}/ws", self._jobs)
        with ExitStack() as cleanup:
            following = Background(follower.follow())
            of_jobs, of_metrics = listeners(self._it, self._jobs, options)
            cleanup.callback(of_jobs.end)
            cleanup.callback(of_metrics.end)
            print(f"  subscribed: {of_jobs.line()['answers']}, {of_metrics.line()['answers']}")
            self._watch.settled(_PATIENCE)
            most = int(options.workers * options.seconds / options.every)
            reporting = Background(
                report(
                    self._it.running.api_url,
                    self._ledger,
                    options.workers,
                    Manner(most, options.every),
                )
            )
            wait_for(self._began, seconds=_PATIENCE * 4, what="a report of each worker")
            reading = readers(self._it, options)
            cleanup.callback(reading.end)
            threads = [threading.Thread(target=self._watch.until, args=(over,))]
            if options.faults:
                faults = self._seen.faults
                threads.append(threading.Thread(target=faults.befall, args=(over, options.seconds)))
            for thread in threads:
                thread.start()
            try:
                self._replayed()
            finally:
                over.set()
                for thread in threads:
                    thread.join()
            self._count_reads(reading.line())
            reporting.join(_PATIENCE * 4)
            heads = {id_: self._it.told(f"/api/jobs/{id_}/monitor")["seq"] for id_ in self._jobs}
            of_jobs.say(heads)
            self._count_frames(of_jobs.line())
            self._count_messages(of_metrics.line())
            follower.until(heads)
            following.join(_PATIENCE * 2)
        self._watch.settled(_PATIENCE)
        check_jobs(self._ledger, follower, heads, self._seen)
        return self._told()

    def _began(self) -> bool:
        return len(self._ledger.jobs) == len(self._jobs) and all(
            told.reports for told in self._ledger.jobs.values()
        )

    def _replayed(self) -> None:
        """Move the fleet, with a standstill now and then; take sizes meanwhile."""
        options, began = self._options, time.monotonic()
        self._measure()
        half = False
        while (left := began + options.seconds - time.monotonic()) > 0:
            with self._replay.moving(options.speed):
                time.sleep(min(_MOVING, left))
            self._watch.settled(_PATIENCE)
            if not half and time.monotonic() - began > options.seconds / 2:
                half = True
                self._measure()
        self._measure()

    def _measure(self) -> None:
        self._sizes.append((time.monotonic(), self._it.sizes()))

    def _count_reads(self, told: dict[str, Any]) -> None:
        for moment, what in told["failed"]:
            self._seen.note("failed", what, moment)
        for moment, what in told["stale"]:
            self._seen.note("stale", f"{what}, as it says", moment)
        print(f"  reads: {told['statuses']}, {told['rate']:.0f}/s; p50 {told['p50']:.1f} ms,"
              f" p99 {told['p99']:.1f} ms, at most {told['max']:.0f} ms")  # fmt: skip
        _READ.tell(self._case, told["p99"])

    def _count_frames(self, told: dict[str, Any]) -> None:
        print(f"  followers of jobs: {told['frames']} frames; {told['answers']}")
        for what, times in told["wrong"].items():
            self._seen.note("undelivered", what, times=times)
        for moment in told["cuts"]:
            self._seen.note("dropped", "who follows a job", moment)

    def _count_messages(self, told: dict[str, Any]) -> None:
        print(f"  followers of real-time metrics: {len(told['messages'])} messages;"
              f" {told['answers']}")  # fmt: skip
        for moment in told["cuts"]:
            self._seen.note("dropped", "who follows real-time metrics", moment)
        for moment in told["errors"]:
            self._seen.note("failed", "a message of real-time metrics is an error", moment)

    @property
    def _case(self) -> str:
        options = self._options
        return (
            f"{options.reads:g} reads/s, {options.workers} workers,"
            f" {options.subscribers} WebSockets"
        )

    def _told(self) -> int:
        print(f"  workers: {self._ledger}; {self._seen.compared} answers compared")
        (first, begin), (_, middle), (last, end) = self._sizes[0], self._sizes[-2], self._sizes[-1]
        for name in sorted({*begin, *middle, *end}):
            spent = end[name].cpu - begin[name].cpu if name in end and name in begin else 0.0
            told = " → ".join(str(each.get(name, "gone")) for each in (begin, middle, end))
            print(f"  {name}: {told}; {100 * spent / (last - first):.0f} % of a core")
        cores = (_sum(end, "cpu", "fleet") - _sum(begin, "cpu", "fleet")) / (last - first)
        _CPU.tell(self._case, cores)
        ours = ("fleet", "prometheus")
        _MEMORY.tell(self._case, _sum(end, "memory", *ours), _sum(middle, "memory", *ours))
        self._seen.print()
        outside = self._seen.counts[""]
        for kind, figure in _COUNTED.items():
            figure.tell(self._case, outside[kind])
        return 1 if outside.total() else 0


def _sum(sizes: Mapping[str, Size], what: str, *without: str) -> float:
    return float(sum(getattr(size, what) for name, size in sizes.items() if name not in without))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--reads", type=float, default=200.0, help="in a second")
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two reports")
    parser.add_argument("--subscribers", type=int, default=500)
    parser.add_argument("--share", type=int, default=1, help="one of so many machines is there")
    parser.add_argument("--speed", type=float, default=100.0, help="of the replay")
    parser.add_argument("--scrape", type=int, default=5, help="seconds between two scrapes")
    parser.add_argument("--ttl", type=float, default=5.0, help="of what is cached, in seconds")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    parser.add_argument("--faults", action="store_true", help="have some befall it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
