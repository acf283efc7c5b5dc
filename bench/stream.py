"""One message to all subscribers of the stream gateway, and what it costs.

    .venv/bin/python bench/stream.py [--subscribers N] [--seconds S]

All subscribe to the real-time metrics; the same message goes to each of them. How late counts from
the first subscriber who had it. HTTP is asked meanwhile, by a load of its own. All leave, and as
many come again: what the first left behind must serve the second.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import api_parts
import health

from demo.processes import LOOPBACK, answers, free_port, wait_for

PATH = f"{health.PATH}/ws?interval=5"
_HTTP_RATE = 50
_AFTERWARDS_SECONDS = 5.0
_HEADER = f"--header=Authorization: Bearer {api_parts.TOKEN}"


def main() -> None:
    """Measure and print."""
    options = _options()
    most = options.subscribers
    print(f"stream gateway, {most} subscribers: on {api_parts.machine()}", flush=True)
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
        before = _rss(gateway)
        alone = _http(url, 2.0)
        for _ in range(options.waves):
            _wave(port, url, gateway, options, before)
        print(f"  HTTP at {_HTTP_RATE}/s without them: p99 {alone:.1f} ms")


def _wave(port: int, url: str, gateway: int, options: argparse.Namespace, before: float) -> None:
    most = options.subscribers
    subscribers = _subscribers(port, options)
    try:
        shaken = json.loads(_line(subscribers))["answers"]
        spent, spent_there = cpu_seconds(gateway), cpu_seconds(subscribers.pid)
        meanwhile = _http(url, max(2.0, options.seconds - 2.0))
        full = _rss(gateway)
        spent = cpu_seconds(gateway) - spent
        spent_there = cpu_seconds(subscribers.pid) - spent_there
        seen = json.loads(_line(subscribers))
    finally:
        subscribers.wait(timeout=60)
    time.sleep(_AFTERWARDS_SECONDS)
    frames = sum(seen["messages"]) or 1
    print(f"  handshakes {shaken}, afterwards {seen['answers']}")
    print(f"  {len(seen['messages'])} messages of {seen['bytes']} bytes to {seen['messages']}")
    print(f"  behind the first: p50 {seen['p50']:.1f} ms, p99 {seen['p99']:.1f} ms,"
          f" at most {seen['max']:.1f} ms")  # fmt: skip
    print(f"  CPU for each message to each: gateway {1e6 * spent / frames:.0f} us,"
          f" subscriber {1e6 * spent_there / frames:.0f} us")  # fmt: skip
    print(f"  memory of the gateway {before / 1024:.0f} MB, with all {full / 1024:.0f} MB"
          f" ({(full - before) / most:.1f} KB each), without them"
          f" {_rss(gateway) / 1024:.0f} MB")  # fmt: skip
    print(f"  HTTP at {_HTTP_RATE}/s: p99 {meanwhile:.1f} ms", flush=True)


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


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has taken."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def _rss(pid: int) -> float:
    """Return the memory of a process, in KB."""
    rows = dict(row.split(":", 1) for row in Path(f"/proc/{pid}/status").read_text().splitlines())
    return float(rows["VmRSS"].split()[0])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--waves", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
