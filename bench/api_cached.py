"""Cached answers, beside a bare WSGI app that returns the same bytes.

    .venv/bin/python bench/api_cached.py [--rounds N] [--seconds S]

Both run under the service's own gunicorn (one worker, 16 threads) and send the same headers and
body; the API with authentication, limits, metrics and access log on. Rounds are interleaved: the
machine's moods hit both alike, so the ratio says more than the rates. Then 200 requests/s for the
latency, and memory.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

import api_parts
import promises
from figures import Figure
from machine import SHARED, machine
from spent import MEGA

from demo.processes import LOOPBACK, Process, free_port
from queryapi.server import process as server
from queryapi.settings import Settings

_NODES, _TASKS = 40, 120
_CONNECTIONS = 32
_RATE = 200
_SERVERS_OWN = ("Server", "Date", "Connection")
_BEARER = f"--header=Authorization: Bearer {api_parts.TOKEN}"
_MEMORY = Figure("memory of the worker, at its peak", "MB", budgets=(promises.API_MEMORY,))
_RATE_OF_ANSWERS = Figure(
    "answers as fast as possible",
    "requests/s",
    beside="the bare app, median of rounds",
    budgets=(promises.CACHED,),
    missed="alone in a loop authentication, limits, metrics and access log take some 50 µs of a "
    "request. Between other requests on sixteen threads the same code is never warm: 70 to 80 µs "
    "with server and load on a core of their own each, where bare gunicorn takes 160, and over "
    "100 µs where the threads hand each other the interpreter across two cores, 7 to 21 times a "
    "request (bare: 5 to 17). Counting and logging by the hundred in a thread of their own halved "
    "the time in a loop and changed nothing here.",
)
_SLOWEST = Figure("p99 as fast as possible", "ms", beside="the bare app, median of rounds")
_MIDDLE = Figure("p50 at 200 requests/s", "ms")
_LATE = Figure(
    "p99 at 200 requests/s", "ms", budgets=(promises.CACHED_P99, promises.HIT), missed=SHARED
)
_UNCHANGED = Figure("answers 304 as fast as possible", "requests/s")
FIGURES = (_RATE_OF_ANSWERS, _SLOWEST, _MIDDLE, _LATE, _UNCHANGED, _MEMORY)
OPTIONS = ("--rounds=4",)
_PATHS = {"status": api_parts.STATUS, "status, all": api_parts.ALL, "tasks": api_parts.TASKS}


def main() -> None:
    """Measure and print."""
    options = _options()
    if options.bare:
        _Bare(options.bare, options.port).run()
        return
    print(f"cached answers: on {machine()}", flush=True)
    with (
        tempfile.TemporaryDirectory() as name,
        api_parts.prometheus(Path(name) / "p", nodes=_NODES, tasks=_TASKS) as prometheus,
        api_parts.service(Path(name) / "a", prometheus) as (process, url),
    ):
        for title, path in _PATHS.items():
            _compare(Path(name), title, url, path, options)
        for title, path in _PATHS.items():
            _latency(title, url, path, options.seconds * 2)
        _not_modified(url, options.seconds)
        _MEMORY.tell(f"{_TASKS} tasks, under load", api_parts.memory(process).peak / MEGA)


def _compare(folder: Path, title: str, url: str, path: str, options: argparse.Namespace) -> None:
    status, headers, body = api_parts.get(url, path)
    if status != 200:  # noqa: PLR2004 - HTTP's success
        raise SystemExit(f"{title}: HTTP {status}: {body.decode()}")
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    arguments = (f"--connections={_CONNECTIONS}", f"--seconds={options.seconds}", _BEARER)
    with _bare(folder, headers, body) as bare:
        for _ in range(options.rounds):
            ours.append(api_parts.load(url, path, *arguments))
            theirs.append(api_parts.load(bare, path, *arguments))
    _refuse_errors([*ours, *theirs])
    print(f"  {title}, ratios of {len(ours)} rounds: {_ratios(ours, theirs)}")
    case = f"{title}, {len(body):,} bytes"
    for figure, name in ((_RATE_OF_ANSWERS, "rate"), (_SLOWEST, "p99")):
        mine, other = (statistics.median(it[name] for it in them) for them in (ours, theirs))
        figure.tell(case, mine, other)


def _ratios(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> str:
    ratios = sorted(mine["rate"] / other["rate"] for mine, other in zip(ours, theirs, strict=True))
    return ", ".join(f"{each:.2f}" for each in ratios)


def _latency(title: str, url: str, path: str, seconds: float) -> None:
    told = api_parts.load(
        url, path, "--connections=16", f"--rate={_RATE}", f"--seconds={seconds}", _BEARER
    )
    _refuse_errors([told])
    _MIDDLE.tell(title, told["p50"])
    _LATE.tell(title, told["p99"])


def _not_modified(url: str, seconds: float) -> None:
    tag = api_parts.get(url, api_parts.ALL)[1].get("ETag")
    if not tag:
        raise SystemExit("answers have no ETag")
    told = api_parts.load(
        url, api_parts.ALL, f"--seconds={seconds}", _BEARER, f"--header=If-None-Match: {tag}"
    )
    if set(told["statuses"]) != {"304"}:
        raise SystemExit(f"not only 304: {told['statuses']}")
    _UNCHANGED.tell("status, all", told["rate"])


def _refuse_errors(rounds: list[dict[str, Any]]) -> None:
    if any(set(it["statuses"]) != {"200"} for it in rounds):
        raise SystemExit(f"not only successes: {[it['statuses'] for it in rounds]}")


@contextmanager
def _bare(folder: Path, headers: Message, body: bytes) -> Iterator[str]:
    """Run the bare app over *headers* and *body*; returns its URL."""
    told = [item for item in headers.items() if item[0] not in _SERVERS_OWN]
    (folder / "answer").write_text(json.dumps([told, body.decode()]))
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    command = [sys.executable, __file__, f"--bare={folder / 'answer'}", f"--port={port}"]
    with Process("bare", command, folder / "bare.log", ready_url=url) as process:
        process.wait_ready()
        yield url


class _Bare(server._Gunicorn):  # noqa: SLF001 - to be served as we are, whatever that comes to be
    """Answers everything with the same bytes."""

    def __init__(self, answer: Path, port: int) -> None:
        headers, body = json.loads(answer.read_text())
        self._headers = [(name, value) for name, value in headers]
        self._body = body.encode()
        super().__init__(Settings(listen=(f"{LOOPBACK}:{port}",)))

    def load(self) -> Callable[..., Iterable[bytes]]:
        """Return the app."""
        headers, body = self._headers, self._body

        def answer(_environ: object, start: Callable[..., object]) -> Iterable[bytes]:
            start("200 OK", headers)
            return [body]

        return answer


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a round")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
