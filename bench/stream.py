"""One message to all subscribers of the stream gateway, and what it costs.

    .venv/bin/python bench/stream.py [--subscribers N] [--seconds S]

All subscribe to the real-time metrics; the same message goes to each of them. How late counts from
the first subscriber who had it. HTTP is asked meanwhile, by a load of its own. All leave, and as
many come again: what the first left behind must serve the second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import api_parts
import health
import promises
from figures import Figure
from machine import machine
from spent import MEGA, Memory, cpu_seconds

from demo.processes import LOOPBACK, answers, free_port, wait_for

PATH = f"{health.PATH}/ws?interval=5"
_HTTP_RATE = 50
_ALONE_SECONDS = 18.0
_AFTERWARDS_SECONDS = 5.0
_KIBI = 1024
_HEARD = Figure(
    "clients that heard every message",
    "clients",
    beside="that had subscribed",
    budgets=(promises.SUBSCRIBERS,),
)
_MIDDLE = Figure("one message to all, p50 behind the first", "ms")
_LATE = Figure(
    "one message to all, p99 behind the first",
    "ms",
    budgets=(promises.MESSAGE_P99,),
    missed="each frame is a call of the kernel, 5,000 of which take the gateway some 130 ms of "
    "a core; who reads them is on the same two cores, with the load on HTTP and the "
    "worker.",
)
_CPU = Figure("CPU of the gateway for a frame", "µs", beside="of its reader")
_EACH = Figure(
    "memory of a client, with what the gateway grew by since before anybody came",
    "KiB",
    budgets=(promises.SUBSCRIBER_MEMORY,),
    missed="the first clients stay below it. The gateway keeps some of what they took: it "
    "grows for three waves and then no more, whatever malloc is told about arenas and "
    "large blocks, and the fewer clients there are, the more of that is counted for "
    "each. What it keeps is not known yet.",
)
_AFTER = Figure("memory of the gateway when all have left", "MB", beside="before anybody came")
_AGAIN = Figure(
    "memory of the gateway when as many have come and left again",
    "MB",
    beside="when those before them had left",
    budgets=(promises.NO_LEAK,),
)
_HTTP = Figure(
    "HTTP at 50/s, p99",
    "ms",
    beside="without clients",
    budgets=(promises.HTTP_UNMOVED,),
    missed="while a message goes to all, the gateway and the reader of 5,000 connections fill both "
    "cores for that long: a request that comes then waits for its turn on a core.",
)
FIGURES = (_HEARD, _MIDDLE, _LATE, _CPU, _EACH, _AFTER, _AGAIN, _HTTP)
OPTIONS = ("--seconds=12", "--waves=5")
_HEADER = f"--header=Authorization: Bearer {api_parts.TOKEN}"


def main() -> None:
    """Measure and print."""
    options = _options()
    most = options.subscribers
    print(f"stream gateway, {most} subscribers: on {machine()}", flush=True)
    port = free_port()
    settings = {
        "stream_listen": f"{LOOPBACK}:{port}",
        "stream": {"connections": most + 10, "per_client": most + 10},
    }
    with (
        tempfile.TemporaryDirectory() as name,
        health.watching(Path(name), settings) as (process, url),
    ):
        wait_for(lambda: answers(f"http://{LOOPBACK}:{port}/healthz"), seconds=30, what="gateway")
        gateway = listener_of(process.pid, f":{port}")
        before = Memory.of(gateway).now
        alone = _http(url, _ALONE_SECONDS)
        left: list[float] = []
        for number in range(1, options.waves + 1):
            case = f"{most:,} clients, the {_nth(number)} time"
            left.append(_wave(case, port, url, gateway, options, alone, before))
        _AFTER.tell(f"{most:,} clients", left[0] / MEGA, before / MEGA)
        _AGAIN.tell(f"{most:,} clients, {options.waves} times", *(it / MEGA for it in left[:-3:-1]))


def _nth(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def _wave(
    case: str,
    port: int,
    url: str,
    gateway: int,
    options: argparse.Namespace,
    alone: float,
    before: float,
) -> float:
    """Let all come, hear and leave; return the memory that the gateway holds afterwards."""
    most = options.subscribers
    subscribers = _subscribers(port, options)
    try:
        shaken = json.loads(_line(subscribers))["answers"]
        spent, spent_there = cpu_seconds(gateway), cpu_seconds(subscribers.pid)
        meanwhile = _http(url, max(2.0, options.seconds - 2.0))
        full = Memory.of(gateway).now
        spent = cpu_seconds(gateway) - spent
        spent_there = cpu_seconds(subscribers.pid) - spent_there
        seen = json.loads(_line(subscribers))
    finally:
        subscribers.wait(timeout=60)
    time.sleep(_AFTERWARDS_SECONDS)
    frames = sum(seen["messages"])
    if not frames:
        raise SystemExit(f"nobody heard a message: {shaken}, {seen['answers']}")
    print(f"  {case}: {len(seen['messages'])} messages of {seen['bytes']} bytes;"
          f" handshakes {shaken}, afterwards {seen['answers']}", flush=True)  # fmt: skip
    _HEARD.tell(case, min(seen["messages"]), most)
    _MIDDLE.tell(case, seen["p50"])
    _LATE.tell(case, seen["p99"])
    _CPU.tell(case, 1e6 * spent / frames, 1e6 * spent_there / frames)
    _EACH.tell(case, (full - before) / most / _KIBI)
    _HTTP.tell(case, meanwhile, alone)
    return Memory.of(gateway).now


def _subscribers(port: int, options: argparse.Namespace) -> "subprocess.Popen[str]":
    script = str(Path(__file__).with_name("stream_load.py"))
    command = [
        *(sys.executable, script, f"{LOOPBACK}:{port}", PATH, _HEADER),
        *(f"--subscribers={options.subscribers}", f"--seconds={options.seconds}"),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _line(process: "subprocess.Popen[str]") -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise SystemExit(f"the subscribers ended with {process.wait()}")
    return line


def _http(url: str, seconds: float) -> float:
    arguments = (f"--rate={_HTTP_RATE}", f"--seconds={seconds}", _HEADER)
    return float(api_parts.load(url, health.PATH, *arguments)["p99"])


def listener_of(family: int, address: str) -> int:
    """Return which of a process and its children listens on the port of *address*."""
    port = int(address.rpartition(":")[2])
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"}
    wanted = {f"socket:[{inode}]" for inode in inodes}
    # A parent may hold it for its child: the last one of the family is the one that serves.
    for pid in reversed(list(_family(family))):
        if wanted & {_target(link) for link in Path(f"/proc/{pid}/fd").iterdir()}:
            return pid
    raise SystemExit(f"no process of the service listens on port {port}")


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--waves", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
