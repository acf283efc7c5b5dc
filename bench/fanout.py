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
from fanout_load import SENT
from stream import cpu_seconds, listener_of

from demo.processes import LOOPBACK, answers, free_port, wait_for

_JOB = "fanout"
_PATH = "/ws"
_HTTP_RATE = 50
_AFTERWARDS_SECONDS = 5.0
_HEADER = f"--header=Authorization: Bearer {api_parts.TOKEN}"
_SUCCESS = 200


def main() -> None:
    """Measure and print."""
    options = _options()
    most = max(options.subscribers)
    print(f"one job to many: on {api_parts.machine()}", flush=True)
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
            for subscribers in options.subscribers:
                _wave(url, port, gateway, subscribers, options)


def _wave(url: str, port: int, gateway: int, subscribers: int, options: argparse.Namespace) -> None:
    before, sockets = _rss(gateway), _files(gateway)
    audience = _audience(port, subscribers, options.seconds + 2.0)
    try:
        shaken = json.loads(_line(audience))["answers"]
        # Each is told the state as it is, first.
        time.sleep(1.0)
        full, spent = _rss(gateway), cpu_seconds(gateway)
        taken, meanwhile = _reports(url, options)
        spent = cpu_seconds(gateway) - spent
        seen = json.loads(_line(audience))
        left = _until_gone(gateway, sockets)
    finally:
        audience.wait(timeout=60)
    time.sleep(_AFTERWARDS_SECONDS)
    frames = max(1, seen["reports"] * subscribers)
    print(f"  {subscribers} subscribers: handshakes {shaken}, afterwards {seen['answers']}\n"
          f"    {len(taken)} reports, {seen['whole']} of {seen['reports']} to all; from the POST:"
          f" p50 {seen['p50']:.1f} ms, p99 {seen['p99']:.1f} ms, at most {seen['max']:.1f} ms\n"
          f"    POST {api_parts.spread(taken, 99)}; other HTTP at {_HTTP_RATE}/s p99"
          f" {meanwhile:.1f} ms; CPU of the gateway {1e6 * spent / frames:.0f} us a frame\n"
          f"    memory {before / 1024:.0f} MB, with all {full / 1024:.0f} MB"
          f" ({(full - before) / subscribers:.1f} KB each), without them"
          f" {_rss(gateway) / 1024:.0f} MB; all gone within {left:.1f} s", flush=True)  # fmt: skip


def _reports(url: str, options: argparse.Namespace) -> tuple[list[float], float]:
    """Report at a rate, beside another load; returns what each took, and the other's p99."""
    p99: list[float] = []
    arguments = (f"--rate={_HTTP_RATE}", f"--seconds={options.seconds}", _HEADER)

    def ask() -> None:
        p99.append(float(api_parts.load(url, f"/api/jobs/{_JOB}", *arguments)["p99"]))

    other = threading.Thread(target=ask)
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


def _rss(pid: int) -> float:
    """Return the memory of a process, in KB."""
    rows = dict(row.split(":", 1) for row in Path(f"/proc/{pid}/status").read_text().splitlines())
    return float(rows["VmRSS"].split()[0])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, nargs="+", default=[2_000, 5_000])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=2.0, help="reports a second")
    return parser.parse_args()


if __name__ == "__main__":
    main()
