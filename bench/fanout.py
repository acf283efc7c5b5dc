"""One job's reports to thousands of WebSockets, from the report's POST to the last of them.

    .venv/bin/python bench/fanout.py [--subscribers N …] [--seconds S] [--rate R]

A real `gpuscope-api` with its gateway; all subscribe to one job, which reports meanwhile. Then all
leave at once: how long the gateway is busy with that, and what it holds afterwards.
"""

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import api_parts
import promises
from fanout_load import SENT
from figures import Figure
from machine import machine
from spent import MEGA, Memory, cpu_seconds
from stream import listener_of

from demo.processes import LOOPBACK, answers, free_port, wait_for

_JOB = "fanout"
_PATH = "/ws"
_HTTP_RATE = 50
_AFTERWARDS_SECONDS = 5.0
_HEADER = f"--header=Authorization: Bearer {api_parts.TOKEN}"
_SUCCESS = 200
_KIBI = 1024
_HEARD = Figure(
    "clients that heard every report",
    "clients",
    beside="that had subscribed",
    budgets=(promises.SUBSCRIBERS,),
)
_MIDDLE = Figure("from a report's POST to each client, p50", "ms")
_LATE = Figure(
    "from a report's POST to each client, p99",
    "ms",
    budgets=(promises.MESSAGE_P99,),
    missed="the report is stored and told to the gateway first; then each frame is a call of "
    "the kernel, 5,000 of which take some 85 ms of a core, and as long on the reader's "
    "side, on the same two.",
)
_CPU = Figure("CPU of the gateway for a frame", "µs")
_EACH = Figure("memory of a client", "KiB", budgets=(promises.SUBSCRIBER_MEMORY,))
_AFTER = Figure("memory of the gateway when all have left", "MB", beside="before they came")
_AGAIN = Figure(
    "memory of the gateway when as many have come and left again",
    "MB",
    beside="when those before them had left",
    budgets=(promises.NO_LEAK,),
)
_GONE = Figure("until nothing of clients is left who all go at once", "s")
_POST = Figure("the report's POST, p99", "ms")
_HTTP = Figure(
    "other HTTP at 50/s, p99",
    "ms",
    beside="without clients",
    budgets=(promises.HTTP_UNMOVED,),
    missed="while a report goes to all, the gateway and the reader of 5,000 connections fill both "
    "cores for that long: a request that comes then waits for its turn on a core.",
)
FIGURES = (_HEARD, _MIDDLE, _LATE, _CPU, _EACH, _AFTER, _AGAIN, _GONE, _POST, _HTTP)
OPTIONS = ("--subscribers", "2000", "5000", "5000", "5000", "--seconds=12")
NOTES = ("Of the CPU of a frame 2 µs are ours, before it is handed to the connection.",)


def main() -> None:
    """Measure and print."""
    options = _options()
    most = max(options.subscribers)
    print(f"one job to many: on {machine()}", flush=True)
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        settings = {
            "stream_listen": f"{LOOPBACK}:{port}",
            "stream": {"connections": most + 10, "per_client": most + 10},
            "database_url": f"sqlite:///{Path(name) / 'jobs.db'}",
        }
        # Nobody answers there: jobs ask no Prometheus.
        nobody = f"http://{LOOPBACK}:{free_port()}"
        with api_parts.service(Path(name) / "api", nobody, settings, "admin") as (process, url):
            wait_for(lambda: answers(f"http://{LOOPBACK}:{port}/healthz"), seconds=30, what="it")
            gateway = listener_of(process.pid, f":{port}")
            _report(url, 1)
            alone = _http(url, options.seconds)
            before = Memory.of(gateway).now
            left = [
                _wave(number, url, port, gateway, options, alone, before)
                for number in range(len(options.subscribers))
            ]
    sizes = options.subscribers
    _AFTER.tell(f"{sizes[0]:,} clients", left[0] / MEGA, before / MEGA)
    again = f"{sizes[-1]:,} clients, after {sizes[-2]:,}" if sizes[1:] else "nobody again"
    _AGAIN.tell(again, left[-1] / MEGA, left[-2 if sizes[1:] else -1] / MEGA)


def _wave(
    number: int,
    url: str,
    port: int,
    gateway: int,
    options: argparse.Namespace,
    alone: float,
    before: float,
) -> float:
    """Let all come, hear and leave; return the memory that the gateway holds afterwards."""
    subscribers, sockets = options.subscribers[number], _files(gateway)
    audience = _audience(port, subscribers, options.seconds + 2.0)
    try:
        shaken = json.loads(_line(audience))["answers"]
        # Each is told the state as it is, first.
        time.sleep(1.0)
        full, spent = Memory.of(gateway).now, cpu_seconds(gateway)
        taken, meanwhile = _reports(url, options)
        spent = cpu_seconds(gateway) - spent
        seen = json.loads(_line(audience))
        left = _until_gone(gateway, sockets)
    finally:
        audience.wait(timeout=60)
    time.sleep(_AFTERWARDS_SECONDS)
    if not seen["reports"]:
        raise SystemExit(f"nobody heard a report: {shaken}, {seen['answers']}")
    print(f"  {subscribers} clients, {len(taken)} reports: handshakes {shaken},"
          f" afterwards {seen['answers']}", flush=True)  # fmt: skip
    case = f"{subscribers:,} clients, round {number + 1}"
    _HEARD.tell(case, seen["fewest"], subscribers)
    _MIDDLE.tell(case, seen["p50"])
    _LATE.tell(case, seen["p99"])
    _CPU.tell(case, 1e6 * spent / (seen["reports"] * subscribers))
    _EACH.tell(case, (full - before) / subscribers / _KIBI)
    _GONE.tell(case, left)
    _POST.tell(case, api_parts.high(taken, 99))
    _HTTP.tell(case, meanwhile, alone)
    return Memory.of(gateway).now


def _http(url: str, seconds: float) -> float:
    arguments = (f"--rate={_HTTP_RATE}", f"--seconds={seconds}", _HEADER)
    return float(api_parts.load(url, f"/api/jobs/{_JOB}", *arguments)["p99"])


def _reports(url: str, options: argparse.Namespace) -> tuple[list[float], float]:
    """Report at a rate, beside another load; returns what each took, and the other's p99."""
    p99: list[float] = []
    other = threading.Thread(target=lambda: p99.append(_http(url, options.seconds)))
    other.start()
    began, taken = time.perf_counter(), []
    for number in range(int(options.seconds * options.rate)):
        time.sleep(max(0.0, began + number / options.rate - time.perf_counter()))
        taken.append(_report(url, number % 90))
    other.join()
    return taken, p99[0]


def _report(url: str, progress: int) -> float:
    """Send one report; returns the seconds that this took."""
    began = time.perf_counter()
    body = {
        "workerId": "w",
        "progress": progress,
        "currentOperation": f"{SENT}{began:.6f}",
        "metrics": {"gpuUtilization": 87, "gpuMemoryUsed": 18000, "gpuMemoryTotal": 24000},
    }
    headers = {"Authorization": f"Bearer {api_parts.TOKEN}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request("POST", f"/api/jobs/{_JOB}/progress", json.dumps(body), headers)
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    if answer.status != _SUCCESS:
        raise SystemExit(f"HTTP {answer.status}: {told.decode()}")
    return time.perf_counter() - began


def _audience(port: int, subscribers: int, seconds: float) -> "subprocess.Popen[str]":
    script = str(Path(__file__).with_name("fanout_load.py"))
    command = [
        *(sys.executable, script, f"{LOOPBACK}:{port}", _PATH, _HEADER, f"--job={_JOB}"),
        *(f"--subscribers={subscribers}", f"--seconds={seconds}"),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _line(process: "subprocess.Popen[str]") -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise SystemExit(f"the subscribers ended with {process.wait()}")
    return line


def _until_gone(gateway: int, before: int) -> float:
    """Return the seconds until a process has as few files open as it had."""
    began = time.perf_counter()
    wait_for(lambda: _files(gateway) <= before + 5, seconds=60, what="the end of all", every=0.02)
    return time.perf_counter() - began


def _files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, nargs="+", default=[2_000, 5_000])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=2.0, help="reports a second")
    return parser.parse_args()


if __name__ == "__main__":
    main()
