"""What a soak is made of: the stack, the load on it, and the faults that befall it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from stream import listener_of

from demo.processes import LOOPBACK, answers, free_port, wait_for
from tests.support.pool_writers import draft
from tests.support.postgresql import postgresql_server
from tests.support.sized import Size, sizes
from tests.support.stack import EVERYTHING, READY_SECONDS, RunningStack, running_stack

FOLDER = Path(__file__).parent
_POOLS = 20
CLUSTER = "cluster=prod-cluster"
_STATUS, _LIVE = "/api/v1/realtime/status", "/api/v1/real-time-metrics"
READS = (
    *(f"{_STATUS}?{CLUSTER}",) * 4,
    f"{_STATUS}?{CLUSTER}&include=nodes&include=alerts&include=events",
    *(f"/api/v1/realtime/running-tasks?{CLUSTER}",) * 2,
    f"/api/v1/realtime/running-tasks?{CLUSTER}&namespace=be",
    "/api/v1/clusters",
    *(_LIVE,) * 3,
    *("/api/v1/scheduler/status",) * 2,
    *("/api/v1/scheduler/metrics", "/api/v1/system/health"),
    *("/api/v1/operations?stage=queued", "/api/v1/operations?limit=50"),
    *("/api/pools",) * 2,
    *("/api/pools/activity", "/api/jobs?limit=20"),
    *("/api/jobs/own-{}/monitor",) * 2,
    *("/api/jobs/own-{}", "/api/jobs/own-{}/logs?limit=50", "/api/jobs/own-{}/metrics"),
)
"""What is asked, as often as pages do; `{}` is a worker's number."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The stack, and where its WebSockets are."""

    running: RunningStack
    stream: str

    def sizes(self) -> dict[str, Size]:
        """Return what each process takes."""
        it = self.running
        names = ("exporter", "prometheus", "api", "fleet")
        return sizes(dict(zip(names, (it.exporter, it.prometheus, it.api, it.fleet), strict=True)))

    def told(self, path: str) -> Any:
        """Return an answer's content; raises requests.RequestException."""
        answer = requests.get(self.running.api_url + path, timeout=60)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def whole(folder: Path, trace: Path, begin: int, options: Any) -> Iterator[Whole]:
    """Run everything, with a fleet that stands at a second of the trace."""
    stream = f"{LOOPBACK}:{free_port()}"
    many = 2 * options.subscribers + 100
    with ExitStack() as cleanup:
        database = f"sqlite:///{folder / 'gpuscope.db'}"
        if options.postgresql:
            database = cleanup.enter_context(postgresql_server()).fresh()
        settings = {
            "stream_listen": stream,
            # All of them are one client.
            "stream": {"connections": many, "per_client": many},
            "database_url": database,
            "cache": {"ttl": options.ttl, "stale": 60.0},
            "monitoring": {"ttl": options.ttl},
            "real_time_metrics": {"refresh_interval": options.ttl},
        }
        running = cleanup.enter_context(
            running_stack(
                folder,
                "timeline",
                *(f"--trace={trace}", f"--at={begin}"),
                seconds=options.scrape,
                rules=EVERYTHING,
                settings=settings,
            )
        )
        wait_for(lambda: answers(f"http://{stream}/healthz"), seconds=READY_SECONDS, what="gateway")
        for number in range(_POOLS):
            requests.post(
                f"{running.api_url}/api/pools", json=draft(f"pool {number}"), timeout=60
            ).raise_for_status()
        yield Whole(running, stream)


# --- load ----------------------------------------------------------------------------------------


class Load:
    """A process that asks or listens, and prints what came of it as one line of JSON."""

    def __init__(self, script: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(FOLDER / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> dict[str, Any]:
        """Wait for a line of it."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise SystemExit(f"{self._process.args!r} ended with {self._process.wait()}")
        told: dict[str, Any] = json.loads(line)
        return told

    def say(self, content: object) -> None:
        """Tell it something."""
        if self._process.stdin:
            self._process.stdin.write(f"{json.dumps(content)}\n")
            self._process.stdin.flush()

    def end(self) -> None:
        """End it, if it has not ended."""
        self._process.terminate()
        self._process.communicate(timeout=30)


def readers(it: Whole, options: Any) -> Load:
    """Ask for everything at a rate."""
    return Load(
        "api_load.py",
        it.running.api_url.removeprefix("http://"),
        *READS,
        *(f"--rate={options.reads}", f"--seconds={options.seconds}"),
        *(f"--connections={min(options.workers, 32)}", "--again"),
    )


def listeners(it: Whole, jobs: Sequence[str], options: Any) -> tuple[Load, Load]:
    """Follow jobs, half of them; the others real-time metrics."""
    half = max(1, options.subscribers // 2)
    jobs_of = Load(
        "soak_load.py",
        *(it.stream, "/ws", f"--jobs={','.join(jobs)}"),
        *(f"--subscribers={half}", "--seconds=60", "--again"),
    )
    live = Load(
        "stream_load.py",
        *(it.stream, f"{_LIVE}/ws?interval=5"),
        *(f"--subscribers={half}", f"--seconds={options.seconds}"),
    )
    return jobs_of, live


# --- faults --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Faults:
    """What befalls the stack, one after the other, and when.

    Attributes:
        windows: By name, from when until when what is seen may be its doing.
    """

    it: Whole
    windows: dict[str, tuple[float, float]] = field(default_factory=dict)

    AFTERWARDS = 15.0
    HELD_SECONDS = 8.0

    def befall(self, over: threading.Event, seconds: float) -> None:
        """Have all of them befall it, evenly in so many seconds."""
        each: list[tuple[str, Callable[[], None]]] = [
            ("Prometheus stands still", self._hold_prometheus),
            ("the gateway is killed", self._kill_gateway),
            ("a worker is killed", self._kill_worker),
        ]
        for name, befall in each:
            if over.wait(seconds / (len(each) + 1)):
                return
            began = time.time()
            # Open until it is known: what comes meanwhile is its doing too.
            self.windows[name] = (began, began + 2 * self.AFTERWARDS + self.HELD_SECONDS)
            befall()
            self.windows[name] = (began, time.time() + self.AFTERWARDS)

    def during(self, moment: float) -> str:
        """Return what may have caused something; empty = nothing."""
        for name, (first, last) in self.windows.items():
            if first <= moment <= last:
                return name
        return ""

    def _hold_prometheus(self) -> None:
        self.it.running.prometheus.signal(signal.SIGSTOP)
        time.sleep(self.HELD_SECONDS)
        self.it.running.prometheus.signal(signal.SIGCONT)

    def _kill_gateway(self) -> None:
        os.kill(listener_of(self.it.running.api.pid, self.it.stream), signal.SIGKILL)

    def _kill_worker(self) -> None:
        port = self.it.running.api_url.rpartition(":")[2]
        os.kill(listener_of(self.it.running.api.pid, f":{port}"), signal.SIGKILL)
