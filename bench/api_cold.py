"""Answers that must be fetched, beside the slowest single query that they send.

    .venv/bin/python bench/api_cold.py [--gpus N …] [--tasks N] [--rounds N]

For each size of fleet (8 GPUs a node): `status` with all includes when nothing is cached, and each
of its queries sent to Prometheus alone, in turns; then `running-tasks`. The queries are those that
the service really sends, overheard once.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import api_parts
import promises
from figures import Figure
from machine import SHARED, machine
from spent import MEGA

_TTL = 0.2
_LATE_READER = (
    "Prometheus sends the first byte when some 95 % of the time of the query is over, so reading "
    "its answer comes on top: "
)
_STATUS_MIDDLE = Figure(
    "p50 of status with all includes",
    "ms",
    beside="its slowest query alone",
    budgets=(promises.COLD,),
    missed=_LATE_READER + "of 10,000 nodes, 50,000 samples take 25 ms to decode and 22 ms to "
    "become nodes; items, JSON and gzip are 15 ms.",
)
_SMALLER_MIDDLE = Figure(
    "p50 of status with all includes, smaller fleets", "ms", beside="its slowest query alone"
)
_SMALLER_LATE = Figure(
    "p95 of status with all includes, smaller fleets",
    "ms",
    beside="its slowest query alone",
    budgets=(promises.MISS_OF_ALL,),
    missed=SHARED,
)
_STATUS_LATE = Figure(
    "p95 of status with all includes",
    "ms",
    beside="its slowest query alone",
    budgets=(promises.COLD_P95, promises.MISS_OF_ALL),
    missed="most of it is the query, which takes as long when it is asked alone: Prometheus "
    "writes, and the worker reads, 50,000 samples on the same two cores.",
)
_BARE_LATE = Figure("p95 of status without includes", "ms", budgets=(promises.MISS,), missed=SHARED)
_TASKS_MIDDLE = Figure("p50 of running-tasks", "ms", beside="its slowest query alone")
_TASKS_LATE = Figure(
    "p95 of running-tasks",
    "ms",
    beside="its slowest query alone",
    budgets=(promises.MISS,),
    missed=_LATE_READER + "of 30,000 tasks, 90,000 samples take 66 ms to decode and 130 ms to "
    "become tasks. The query alone takes most of a second.",
)
_MEMORY = Figure(
    "memory of the worker, at its peak",
    "MB",
    budgets=(promises.API_MEMORY,),
    missed="the samples of 30,000 tasks, the tasks made of them, their 9 MB of JSON and its gzip "
    "are there at the same time; between answers it holds some 15 MB less.",
)
FIGURES = (
    *(_STATUS_MIDDLE, _STATUS_LATE, _SMALLER_MIDDLE, _SMALLER_LATE, _BARE_LATE),
    *(_TASKS_MIDDLE, _TASKS_LATE, _MEMORY),
)
OPTIONS = ("--gpus", "1000", "80000", "--rounds=20")


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, and the figures of it."""

    path: str
    middle: Figure
    late: Figure


_ALL = _Question(api_parts.ALL, _STATUS_MIDDLE, _STATUS_LATE)
_ALL_OF_LESS = _Question(api_parts.ALL, _SMALLER_MIDDLE, _SMALLER_LATE)
_TASKS = _Question(api_parts.TASKS, _TASKS_MIDDLE, _TASKS_LATE)


def main() -> None:
    """Measure and print."""
    options = _options()
    print(f"cold answers: on {machine()}", flush=True)
    for gpus in options.gpus:
        with tempfile.TemporaryDirectory() as name:
            _measure(Path(name), gpus, options)


def _measure(folder: Path, gpus: int, options: argparse.Namespace) -> None:
    nodes = gpus // api_parts.GPUS_OF_A_NODE
    tasks = min(options.tasks, gpus)
    hasty = {"cache": {"ttl": _TTL}, "timeouts": {"query": 30, "request": 30}}
    with api_parts.prometheus(folder / "p", nodes=nodes, tasks=tasks) as prometheus:
        asked = {
            each.path: _overheard(folder / "o", prometheus, each.path, hasty)
            for each in (_ALL, _TASKS)
        }
        with api_parts.service(folder / "a", prometheus, hasty) as (process, url):
            bare = [_missed(url, api_parts.STATUS) for _ in range(options.rounds)]
            _BARE_LATE.tell(f"{gpus:,} GPUs", api_parts.high(bare, 95))
            whole = _ALL if gpus == max(options.gpus) else _ALL_OF_LESS
            for question, case in ((whole, f"{gpus:,} GPUs"), (_TASKS, f"{tasks:,} tasks")):
                cold, alone = _compared(
                    url, question.path, prometheus, asked[question.path], options.rounds
                )
                question.middle.tell(case, *(1000 * statistics.median(it) for it in (cold, alone)))
                question.late.tell(case, *(api_parts.high(it, 95) for it in (cold, alone)))
            _MEMORY.tell(f"{gpus:,} GPUs, {tasks:,} tasks", api_parts.memory(process).peak / MEGA)


def _overheard(
    folder: Path, prometheus: str, path: str, settings: dict[str, object]
) -> list[dict[str, str]]:
    """Return the forms that one cold answer sends to Prometheus."""
    with api_parts.Counting(prometheus) as counter:
        with api_parts.service(folder, counter.url, settings) as (_, url):
            _ask(url, path)
        return counter.asked


def _compared(
    url: str, path: str, prometheus: str, forms: list[dict[str, str]], rounds: int
) -> tuple[list[float], list[float]]:
    """Return the seconds of each answer, and of its slowest query, asked in turns with it."""
    whole: list[float] = []
    alone: list[list[float]] = [[] for _ in forms]
    for _ in range(rounds):
        whole.append(_missed(url, path))
        for form, seen in zip(forms, alone, strict=True):
            body = urlencode(form).encode()
            seen.append(
                _seconds(
                    lambda body=body: api_parts.Counting.pass_on(  # type: ignore[misc]
                        prometheus, "/api/v1/query", body
                    )
                )
            )
    return whole, max(alone, key=sum)


def _missed(url: str, path: str) -> float:
    """Return the seconds of an answer of which nothing is cached any more."""
    time.sleep(2 * _TTL)
    return _seconds(lambda: _ask(url, path))


def _ask(url: str, path: str) -> bytes:
    status, _, body = api_parts.get(url, path)
    if status != 200:  # noqa: PLR2004 - HTTP's success
        raise SystemExit(f"{path}: HTTP {status}: {body.decode()}")
    return body


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpus", type=int, nargs="+", default=[1_000, 10_000, 80_000])
    parser.add_argument("--tasks", type=int, default=30_000, help="at most one per GPU")
    parser.add_argument("--rounds", type=int, default=40)
    return parser.parse_args()


if __name__ == "__main__":
    main()
