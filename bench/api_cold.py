"""Answers that must be fetched, beside the slowest single query that they send.

    .venv/bin/python bench/api_cold.py [--gpus N …] [--tasks N] [--rounds N]

For each size of fleet (8 GPUs a node): `status` with all includes when nothing is cached, and each
of its queries sent to Prometheus alone, in turns; then `running-tasks`. The queries are those that
the service really sends, overheard once.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import api_parts

_TTL = 0.2


def main() -> None:
    """Measure and print."""
    options = _options()
    print(f"cold answers: on {api_parts.machine()}", flush=True)
    for gpus in options.gpus:
        with tempfile.TemporaryDirectory() as name:
            _measure(Path(name), gpus, options)


def _measure(folder: Path, gpus: int, options: argparse.Namespace) -> None:
    nodes = gpus // api_parts.GPUS_OF_A_NODE
    tasks = min(options.tasks, gpus)
    hasty = {"cache": {"ttl": _TTL}, "timeouts": {"query": 30, "request": 30}}
    with api_parts.prometheus(folder / "p", nodes=nodes, tasks=tasks) as prometheus:
        asked = {
            path: _overheard(folder / "o", prometheus, path, hasty)
            for path in (api_parts.ALL, api_parts.TASKS)
        }
        with api_parts.service(folder / "a", prometheus, hasty) as (process, url):
            print(f"  {gpus} GPUs, {nodes} nodes, {tasks} tasks", flush=True)
            for title, path in (("status, all", api_parts.ALL), ("tasks", api_parts.TASKS)):
                _compare(title, url, path, prometheus, asked[path], options.rounds)
            print(f"    memory of the worker {api_parts.memory(process)}", flush=True)


def _overheard(
    folder: Path, prometheus: str, path: str, settings: dict[str, object]
) -> list[dict[str, str]]:
    """Return the forms that one cold answer sends to Prometheus."""
    with api_parts.Counting(prometheus) as counter:
        with api_parts.service(folder, counter.url, settings) as (_, url):
            _ask(url, path)
        return counter.asked


def _compare(
    title: str,
    url: str,
    path: str,
    prometheus: str,
    forms: list[dict[str, str]],
    rounds: int,
) -> None:
    whole: list[float] = []
    alone: list[list[float]] = [[] for _ in forms]
    size = 0
    for _ in range(rounds):
        time.sleep(2 * _TTL)
        seconds, size = _timed(lambda: _ask(url, path))
        whole.append(seconds)
        for form, seen in zip(forms, alone, strict=True):
            body = urlencode(form).encode()
            seen.append(
                _timed(
                    lambda body=body: api_parts.Counting.pass_on(  # type: ignore[misc]
                        prometheus, "/api/v1/query", body
                    )[1]
                )[0]
            )
    slowest = max(alone, key=sum)
    ratio = sum(whole) / sum(slowest)
    print(f"    {title:12s} {size / 1e6:5.2f} MB  {api_parts.spread(whole)}\n"
          f"    {'slowest query alone':22s} {api_parts.spread(slowest)}   ratio {ratio:.2f} "
          f"({len(forms)} queries)", flush=True)  # fmt: skip


def _ask(url: str, path: str) -> bytes:
    status, _, body = api_parts.get(url, path)
    if status != 200:  # noqa: PLR2004 - HTTP's success
        raise SystemExit(f"{path}: HTTP {status}: {body.decode()}")
    return body


def _timed(work: Callable[[], bytes]) -> tuple[float, int]:
    began = time.perf_counter()
    size = len(work())
    return time.perf_counter() - began, size


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpus", type=int, nargs="+", default=[1_000, 10_000, 80_000])
    parser.add_argument("--tasks", type=int, default=30_000, help="at most one per GPU")
    parser.add_argument("--rounds", type=int, default=40)
    return parser.parse_args()


if __name__ == "__main__":
    main()
