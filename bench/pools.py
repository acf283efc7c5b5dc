"""Compute pools: 200 writes/s on SQLite and PostgreSQL, and a list of 1,000 of them.

    .venv/bin/python bench/pools.py [--pools N] [--nodes N] [--seconds S] [--rounds N]

A pool is registered for each of the fleet's pool labels (half of the writes), the other writes
change them; beside them plain transactions of as many rows, through the database's own driver, at
the same rate and in turns. Then the list of all pools and two of their histories, cold and warm,
each beside the PromQL that it sends, overheard once, and what the worker holds. A request is due at
a fixed time: one that waits for the one before it is late.
"""

import argparse
import http.client
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import api_parts
import promises
from figures import Figure
from machine import machine
from plain_rows import Act, postgresql_rows, sqlite_rows
from spent import MEGA

from tests.support.postgresql import PostgresqlServer, postgresql_server

_TTL = 0.2
_RATE = 200
_WRITERS = 8
_LIST = "/api/pools"
_READ = (_LIST, f"{_LIST}/pool-1/history", f"{_LIST}/pool-1/history?range=30d")
_BEARER = f"--header=Authorization: Bearer {api_parts.TOKEN}"
_SUCCESSES = (200, 201)
_PLAIN = "plain transactions of as many rows"
_WRITE = Figure("a write at 200/s, p50", "ms", beside=_PLAIN)
_LATE_WRITE = Figure("a write at 200/s, p99", "ms", beside=_PLAIN)
_COLD = Figure("p50 when nothing is cached", "ms", beside="its queries alone, one by one")
_LATE_COLD = Figure("p95 when nothing is cached", "ms", beside="its queries alone, one by one")
_WARM = Figure("p50 from the cache at 100/s", "ms")
_LATE_WARM = Figure("p99 from the cache at 100/s", "ms")
_MEMORY = Figure(
    "memory of the worker, at its peak",
    "MB",
    budgets=(promises.API_MEMORY,),
    missed="27,000 samples of pools are read while the answer before it is still kept.",
)
FIGURES = (_WRITE, _LATE_WRITE, _COLD, _LATE_COLD, _WARM, _LATE_WARM, _MEMORY)
OPTIONS = ("--rounds=10", "--seconds=8")
NOTES = (
    (
        "A `POST` is one transaction and one fsync; of its 2 ms most is the interpreter. The "
        "slowest wait while the worker reads 10,000 nodes' numbers, which holds the interpreter "
        "for a while every 15 s."
    ),
    (
        "Of the cold list, 18 ms are 1,000 items; the rest beyond the queries is decoding 27,000 "
        "samples."
    ),
)


def main() -> None:
    """Measure and print."""
    options = _options()
    print(f"compute pools: on {machine()}", flush=True)
    with tempfile.TemporaryDirectory() as name, postgresql_server() as server:
        folder = Path(name)
        more = _fleet(options.pools)
        with api_parts.prometheus(
            folder / "p", nodes=options.nodes, tasks=0, more=more
        ) as prometheus:
            databases = {
                "SQLite": f"sqlite:///{folder / 'pools.db'}",
                "PostgreSQL": server.fresh(),
            }
            for title, url in databases.items():
                _measure(folder / title, prometheus, (title, url), server, options)


def _measure(
    folder: Path,
    prometheus: str,
    database: tuple[str, str],
    server: PostgresqlServer,
    options: argparse.Namespace,
) -> None:
    title, database_url = database
    folder.mkdir()
    row = _wanted(0)
    plain = sqlite_rows(folder, row) if title == "SQLite" else postgresql_rows(server, row)
    settings: dict[str, Any] = {"database_url": database_url}
    print(f"  {title}", flush=True)
    with (
        api_parts.service(folder, prometheus, settings, role="admin") as (process, url),
        plain as write,
    ):
        _writes(title, url, write, options)
        for path in _READ:
            _warm(title, url, path)
        _MEMORY.tell(f"{title}, warm", api_parts.memory(process).peak / MEGA)
    settings |= {"pools": {"ttl": _TTL}, "timeouts": {"query": 30, "request": 30}}
    with (
        api_parts.Counting(prometheus) as counter,
        api_parts.service(folder, counter.url, settings, role="admin") as (process, url),
    ):
        for path in _READ:
            _cold(title, url, path, counter, prometheus, options)
        _MEMORY.tell(f"{title}, cold", api_parts.memory(process).peak / MEGA)


# --- writing -------------------------------------------------------------------------------------


def _writes(title: str, url: str, plain: Act, options: argparse.Namespace) -> None:
    address = url.removeprefix("http://")
    half = min(options.pools, _RATE * options.seconds // 2)
    local = threading.local()

    def send(method: str, path: str, body: Mapping[str, object]) -> bool:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(address, timeout=60)
        headers = {
            "Authorization": f"Bearer {api_parts.TOKEN}",
            "Content-Type": "application/json",
        }
        local.connection.request(method, path, json.dumps(body), headers)
        answer = local.connection.getresponse()
        answer.read()
        return answer.status in _SUCCESSES

    def create(number: int) -> bool:
        return send("POST", _LIST, _wanted(number))

    def change(number: int) -> bool:
        counts = [{"type": "gpu.8xlarge", "count": 1 + number % 20}]
        return send("PUT", f"{_LIST}/pool-{1 + number}", {"nodeTypes": counts})

    rounds = (("POST", create), ("PUT", change))
    for place, (name, act) in enumerate(rounds):
        ours = _taken(name, half, act)
        theirs = _taken(_PLAIN, half, lambda n, place=place: plain(n + place * half))  # type: ignore[misc]
        _tell((_WRITE, _LATE_WRITE), f"`{name}`, {title}", ours, theirs, last=99)


def _taken(name: str, count: int, act: Act) -> list[float]:
    seconds, errors, rate = _paced(count, act)
    print(f"  {name}: {count} at {rate:.0f}/s, {errors} errors", flush=True)
    if errors:
        raise SystemExit(f"{name}: {errors} of {count} failed")
    return seconds


def _tell(
    figures: tuple[Figure, Figure], case: str, ours: list[float], theirs: list[float], *, last: int
) -> None:
    """Tell median and a high percentile of two."""
    middle, late = figures
    middle.tell(case, *(1000 * statistics.median(each) for each in (ours, theirs)))
    late.tell(case, *(api_parts.high(each, last) for each in (ours, theirs)))


def _paced(count: int, act: Act) -> tuple[list[float], int, float]:
    """Do *count* writes, each at its time.

    Returns what they took since then, how many failed, and how many there were in a second.
    """
    began = time.perf_counter() + 0.1
    taken: list[float] = [0.0] * count
    failed = [False] * count

    def work(first: int) -> None:
        for number in range(first, count, _WRITERS):
            due = began + number / _RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            try:
                failed[number] = not act(number)
            except (OSError, http.client.HTTPException):
                failed[number] = True
            taken[number] = time.perf_counter() - due

    threads = [threading.Thread(target=work, args=(n,)) for n in range(_WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken, sum(failed), count / (time.perf_counter() - began)


def _wanted(number: int) -> dict[str, object]:
    return {
        "name": f"Pool {number}",
        "description": "Training of large models",
        "region": "region-1",
        "provider": "on-prem",
        "nodeTypes": [{"type": "gpu.8xlarge", "count": 10}],
        "tags": ["training", "h100"],
        "selector": {"pool": [f"p{number}"]},
    }


# --- reading -------------------------------------------------------------------------------------


def _cold(
    title: str,
    url: str,
    path: str,
    counter: api_parts.Counting,
    prometheus: str,
    options: argparse.Namespace,
) -> None:
    time.sleep(2 * _TTL)
    counter.asked.clear()
    size = len(_ask(url, path))
    forms = [dict(form) for form in counter.asked]
    cold: list[float] = []
    alone: list[float] = []
    is_list = path == _LIST
    for number in range(options.rounds):
        time.sleep(2 * _TTL)
        # A history is kept for a minute: of another pool it is a question of its own.
        asked = path if is_list else path.replace("pool-1", f"pool-{2 + number}")
        cold.append(_timed(lambda asked=asked: _ask(url, asked)))  # type: ignore[misc]
        alone.append(sum(_timed(lambda form=form: _query(prometheus, form)) for form in forms))  # type: ignore[misc]
    case = f"`{path}`, {size / 1e6:.2f} MB, {len(forms)} queries, {title}"
    _tell((_COLD, _LATE_COLD), case, cold, alone, last=95)


def _warm(title: str, url: str, path: str) -> None:
    _ask(url, path)
    told = api_parts.load(url, path, "--seconds=2", "--rate=100", "--connections=8", _BEARER)
    if set(told["statuses"]) != {"200"}:
        raise SystemExit(f"{path}: not only successes: {told['statuses']}")
    _WARM.tell(f"`{path}`, {title}", told["p50"])
    _LATE_WARM.tell(f"`{path}`, {title}", told["p99"])


def _query(prometheus: str, form: Mapping[str, str]) -> bytes:
    path = "/api/v1/query_range" if "step" in form else "/api/v1/query"
    status, told = api_parts.Counting.pass_on(prometheus, path, urlencode(form).encode())
    if status != 200:  # noqa: PLR2004 - HTTP's success
        raise SystemExit(f"Prometheus: HTTP {status}: {told.decode()}")
    return told


def _ask(url: str, path: str) -> bytes:
    status, _, body = api_parts.get(url, path)
    if status != 200:  # noqa: PLR2004 - HTTP's success
        raise SystemExit(f"{path}: HTTP {status}: {body.decode()}")
    return body


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


# --- the fleet -----------------------------------------------------------------------------------


def _fleet(pools: int) -> api_parts.More:
    """Return what is recorded of a fleet, which has as many pools by their nodes' labels."""

    def recorded(nodes: int, _: int, now: float) -> dict[str, api_parts.Samples]:
        each = nodes / pools
        numbers = {
            "nodes:count": each,
            "nodes_ready:sum": each,
            "nodes_cordoned:sum": 0,
            "gpu_allocatable:sum": each * 8,
            "gpu_allocated:sum": each * 4,
            "gpu_free:sum": each * 4,
        }
        for measure in ("gpu", "cpu", "memory", "network"):
            of = each * 8 if measure == "gpu" else each
            numbers |= {
                f"{measure}_utilization_ratio:sum": of / 3,
                f"{measure}_utilization_ratio:count": of,
            }
        kinds = [
            {
                "pool": f"p{number}",
                "model": "NVIDIA-H100-80GB-HBM3",
                "instance_type": "gpu.8xlarge",
                "zone": f"zone-{number % 3}",
                "region": "region-1",
                "provider": "on-prem",
            }
            for number in range(pools)
        ]
        return {
            "cluster:pool_nodes:count": [({}, nodes)],
            "gpu_cluster_state_timestamp_seconds": [({}, now)],
            **{
                f"pool:{name}": [(kind, value) for kind in kinds] for name, value in numbers.items()
            },
        }

    return recorded


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, default=1000)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=10, help="of writes, on each database")
    parser.add_argument("--rounds", type=int, default=20)
    return parser.parse_args()


if __name__ == "__main__":
    main()
