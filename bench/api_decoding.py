"""What a large answer of Prometheus costs a reader that keeps nothing, and one that keeps it all.

    .venv/bin/python bench/api_decoding.py [TASKS]

Serves three series a running task from this process; each reader is a process of its own. Prints
the seconds from asking to the last sample, and by how many MB the reader's memory grew at most.
"""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from figures import Figure
from spent import MEGA, Memory

from queryapi.outbound.transport import HttpTransport
from queryapi.promql.client import PrometheusClient
from queryapi.promql.values import Sample
from queryapi.settings import Cluster
from queryapi.telemetry.metrics import Metrics

_TASKS = 30_000
_READERS = ("keeps nothing", "keeps all")
_SECONDS = Figure(
    "seconds from asking to the last sample, nothing kept", "s", beside="a reader that keeps all"
)
_MEMORY = Figure("memory that takes, at most", "MB", beside="a reader that keeps all")
FIGURES = (_SECONDS, _MEMORY)


def answer(tasks: int) -> bytes:
    """Return what Prometheus answers about so many running tasks, packed."""
    result = []
    for number in range(tasks):
        pod = {
            "namespace": f"team-{number % 200}",
            "pod": f"train-{number}-worker-{number % 8}",
            "uid": f"{number:08x}-0000-4000-8000-{number * 7919:012x}",
            "node": f"gpu-node-{number % 10_000:05}",
        }
        owner = {"workload_type": "PyTorchJob", "workload_name": f"train-{number}"}
        for name, labels in (
            ("gpu_pod_info", {**pod, **owner, "owner": f"user-{number % 500}"}),
            ("gpu_pod_allocated", pod),
            ("gpu_pod_start_timestamp_seconds", pod),
        ):
            metric = {"__name__": name, **labels}
            result.append({"metric": metric, "value": [1766150000.289, "1766100000"]})
    data = {"resultType": "vector", "result": result}
    text = json.dumps({"status": "success", "data": data}, separators=(",", ":"))
    return gzip.compress(text.encode(), 1)


def serve(body: bytes) -> ThreadingHTTPServer:
    """Return a server on loopback that answers every query with *body*."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def read(url: str, reader: str) -> None:
    """Read once, as a process of its own, and print what it cost as JSON."""
    client = PrometheusClient(
        Cluster("c", url), HttpTransport(connect=5), seconds=60, metrics=Metrics("bench").querying
    )
    shape = _uids if reader == "keeps nothing" else _everything
    before, started = Memory.of(os.getpid()).now, time.perf_counter()
    samples = client.read("up", shape, at=0).value
    seconds = time.perf_counter() - started
    grew = (Memory.of(os.getpid()).peak - before) / MEGA
    print(json.dumps({"samples": samples, "seconds": seconds, "grew": grew}))


def _uids(samples: Iterable[Sample]) -> int:
    return sum(1 for sample in samples if sample.label("uid"))


def _everything(samples: Iterable[Sample]) -> int:
    return len(tuple(samples))


def main() -> None:
    """Serve, and let every reader read."""
    server = serve(answer(int(sys.argv[1]) if len(sys.argv) > 1 else _TASKS))
    url = f"http://127.0.0.1:{server.server_port}"
    nothing, everything = (_told(url, reader) for reader in _READERS)
    server.shutdown()
    case = f"{nothing['samples']:,} samples"
    _SECONDS.tell(case, nothing["seconds"], everything["seconds"])
    _MEMORY.tell(case, nothing["grew"], everything["grew"])


def _told(url: str, reader: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--read", url, reader]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(*sys.argv[2:4])
    else:
        main()
