"""A query service for tests of what it stores: without Prometheus, and to be killed at once."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import requests
import yaml

from demo.processes import LOOPBACK, Process, free_port

SECONDS = 180.0
"""Far more than anything takes."""
KILLS = int(os.environ.get("GPUSCOPE_TEST_KILLS", "1"))
"""So often is each killed that a test kills."""


class Service:
    """A query service whose processes are one group, to be killed together.

    Args:
        folder: Receives its settings and its log.
        database: Its `database_url`.
        options: Its other settings.
    """

    def __init__(self, folder: Path, database: str, **options: Any) -> None:
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        settings = {
            "listen": [f"{LOOPBACK}:{port}"],
            # Pools are written without any Prometheus.
            "clusters": [{"name": "prod-cluster", "prometheus_url": f"http://{LOOPBACK}:1"}],
            "stream_listen": None,
            "limits": {"per_minute": 0},
            "database_url": database,
            **options,
        }
        path = folder / "killed.yml"
        path.write_text(yaml.safe_dump(settings))
        # setsid: a group of its own, led by the process that is started here.
        command = ["setsid", sys.executable, "-m", "queryapi.cli", f"--config={path}"]
        self.process = Process(
            "gpuscope-api", command, folder / "killed.log", ready_url=f"{self.url}/healthz"
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process.start()
        self.process.wait_ready(seconds=SECONDS)

    def kill(self) -> None:
        """Kill all of its processes at once, as a machine that loses its power would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.stop()

    def told(self, path: str = "") -> Any:
        """Return an answer's content; fails the test unless it is a success."""
        answer = requests.get(f"{self.url}/api/pools{path}", timeout=30)
        assert answer.status_code == requests.codes.ok, answer.text
        return answer.json()
