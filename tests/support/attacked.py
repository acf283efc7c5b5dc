"""The query service as it is shipped, with everything on that can be attacked from outside."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from demo.processes import LOOPBACK, answers, free_port, wait_for
from queryapi.settings import Role
from tests.support import fake_prometheus
from tests.support.access import issue
from tests.support.api_process import EVERYWHERE, Api, api
from tests.support.network import Network
from tests.support.proc import gateway_of, worker_of
from tests.support.stored import prepared
from tests.support.waiting_prometheus import answering
from tests.support.wire import port_of

BURST = 1000
"""So many requests of a kind one client may send at once: more than one file of tests does."""
PATIENCE = 2.0
"""Seconds for which a WebSocket may take nothing."""
PING_INTERVAL = 8.0
"""Seconds between two pings of a WebSocket: who takes nothing is found out before."""
FILES = 1024
"""How many the worker may open, and 128 fewer clients it takes in at a time."""
TASKS = "/api/v1/realtime/running-tasks?cluster=prod-cluster"
_STARTING_SECONDS = 120
# A few megabytes: more than the kernel keeps for a client that does not read.
_PODS = [
    fake_prometheus.series("gpu_pod_info", 1, namespace="ml", pod="p" * 200, uid=f"{number}")
    for number in range(20_000)
]


@dataclass(frozen=True, slots=True)
class Attacked:
    """A service of one worker and a gateway.

    Args:
        api: The service; its second listener serves monitoring alone.
        stream: The gateway's port.
        tokens: One of each role.
        file: The tokens' file.
        network: What its ports are reached by as well; None = there is none.
    """

    api: Api
    stream: int
    tokens: Mapping[Role, str]
    file: Path
    network: Network | None

    @property
    def port(self) -> int:
        """The port of the listener that serves all."""
        return port_of(self.api.urls[0])

    @property
    def worker(self) -> int:
        """The process that answers HTTP."""
        return worker_of(self.api.process.pid)

    @property
    def gateway(self) -> int:
        """The process that holds WebSockets."""
        return gateway_of(self.api.process.pid)

    def streamed(self, name: str) -> float:
        """Return a number of the gateway's `/metrics`; 0 when it is not there."""
        admin = {"Authorization": f"Bearer {self.tokens[Role.ADMIN]}"}
        url = f"http://{LOOPBACK}:{self.stream}/metrics"
        for line in requests.get(url, headers=admin, timeout=60).text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return 0.0


@contextmanager
def attacked(folder: Path, network: Network | None) -> Iterator[Attacked]:
    """Run one, with a Prometheus that has thousands of pods."""
    file = folder / "tokens.json"
    tokens = {role: issue(file, role, name=role) for role in Role}
    stream = free_port()
    far = network is not None
    settings = {
        "auth": {"tokens_file": str(file)},
        "database_url": prepared(folder),
        "limits": {"per_minute": 1, "burst": BURST},
        "stream_listen": f"{EVERYWHERE if far else LOOPBACK}:{stream}",
        "stream": {"patience": PATIENCE, "ping_interval": PING_INTERVAL, "per_client": 400},
        # Answers are to be taken within this and 25 s.
        "timeouts": {"request": 2},
    }
    with answering() as (prometheus, url):
        prometheus.found["tasks"] = _PODS
        with api(
            folder, url, settings, second=["monitoring"], everywhere=far, files=FILES
        ) as running:
            gateway = f"http://{LOOPBACK}:{stream}/healthz"
            wait_for(lambda: answers(gateway), seconds=_STARTING_SECONDS, what="the gateway")
            yield Attacked(running, stream, tokens, file, network)
