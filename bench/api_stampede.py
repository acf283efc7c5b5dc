"""A thousand clients who ask at the moment when what is cached ends.

    .venv/bin/python bench/api_stampede.py [--clients N] [--rounds N]

With one worker, and with two that share through Redis: queries that reach Prometheus beside those
that one client causes, errors, and the slowest answer.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import api_parts
import promises
from figures import Figure
from machine import SHARED, machine
from redis import Redis, RedisError

from demo.processes import LOOPBACK, Process, free_port, wait_for
from queryapi.cache.grid import Grid
from queryapi.wiring.composition import CELL

_NODES, _TASKS = 40, 120
_TTL = 6.0
_GRID = Grid.of(api_parts.CLUSTER, _TTL * CELL)
_PATIENCE_SECONDS = 30
_BEARER = f"--header=Authorization: Bearer {api_parts.TOKEN}"


_QUERIES = Figure(
    "queries that reach Prometheus in a window",
    "queries",
    beside="what one client alone causes",
    budgets=(promises.UPSTREAM,),
)
_FEWER = Figure(
    "the same, beside as many clients without a cache",
    "queries",
    beside="what that one causes, times the clients",
    budgets=(promises.FEWER_QUERIES,),
)
_ERRORS = Figure("clients without an answer", "clients", budgets=(promises.ANSWERED,))
_SLOWEST = Figure("slowest answer of all", "ms", budgets=(promises.CLIENT_TIMEOUT,), missed=SHARED)
FIGURES = (_QUERIES, _FEWER, _ERRORS, _SLOWEST)
NOTES = (
    (
        "The fleet's evaluation does not move, so two workers find all but the first query in "
        "Redis; one process keeps no part of an earlier window."
    ),
)
OPTIONS = ("--rounds=2",)


def main() -> None:
    """Measure and print."""
    options = _options()
    print(f"stampede of {options.clients}: on {machine()}", flush=True)
    with (
        tempfile.TemporaryDirectory() as name,
        api_parts.prometheus(Path(name) / "p", nodes=_NODES, tasks=_TASKS) as prometheus,
    ):
        _measure("one worker", Path(name) / "one", prometheus, {}, options)
        with _redis(Path(name)) as redis_url:
            two = {"workers": 2, "redis_url": redis_url}
            _measure("two and Redis", Path(name) / "two", prometheus, two, options)


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """Run a Redis; returns its URL."""
    port = free_port()
    options = {"port": str(port), "bind": LOOPBACK, "save": "", "dir": str(folder)}
    command = ["redis-server", *(word for it in options.items() for word in (f"--{it[0]}", it[1]))]
    url = f"redis://{LOOPBACK}:{port}/0"
    with Process("redis", command, folder / "redis.log"), Redis.from_url(url) as client:
        wait_for(lambda: _answers(client), seconds=30, what="Redis")
        yield url


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


def _measure(
    title: str,
    folder: Path,
    prometheus: str,
    settings: dict[str, Any],
    options: argparse.Namespace,
) -> None:
    wanted = settings.get("workers", 1)
    with (
        api_parts.Counting(prometheus) as counter,
        api_parts.service(folder, counter.url, {"cache": {"ttl": _TTL}, **settings}) as (it, url),
    ):
        wait_for(lambda: len(api_parts.workers(it)) == wanted, seconds=30, what="the workers")
        alone, _ = _round(counter, url, 1)
        rounds = [_round(counter, url, options.clients) for _ in range(options.rounds)]
        bad = sum(options.clients - told["statuses"].get("200", 0) for _, told in rounds)
        slowest = max(told["max"] for _, told in rounds)
        case = f"{options.clients} clients, {title}"
        most = max(count for count, _ in rounds)
        _QUERIES.tell(case, most, alone)
        _FEWER.tell(case, most, alone * options.clients)
        _ERRORS.tell(case, bad)
        _SLOWEST.tell(case, slowest)


def _round(counter: api_parts.Counting, url: str, clients: int) -> tuple[float, dict[str, Any]]:
    """Let what is cached end, then ask.

    Returns the queries for each window that the clients asked in, and what they saw.
    """
    time.sleep(_TTL)
    now = time.time()
    # All of them within one window, if the machine lets them: it ends however many still ask.
    began = _GRID.earlier(_GRID.start(now), -1)
    time.sleep(began - now)
    before = len(counter.asked)
    arguments = (f"--connections={clients}", "--once", f"--seconds={_PATIENCE_SECONDS}", _BEARER)
    told = api_parts.load(url, api_parts.ALL, *arguments)
    windows = 1 + round((_GRID.start(time.time()) - began) / (_TTL * CELL))
    return (len(counter.asked) - before) / windows, told


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
