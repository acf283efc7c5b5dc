"""A real Prometheus on a spare port, and a target whose words a test can choose."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol, Self

from demo.processes import LOOPBACK, Process, free_port

_CONFIGURATION = """
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [rules.yml]
scrape_configs:
  - job_name: fleet
    honor_timestamps: true
    honor_labels: true
    static_configs:
      - targets: ["{target}"]
        labels: {{cluster: {cluster}}}
"""


class Target:
    """An HTTP server that answers every GET with `text`, in Prometheus' text format."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = outer.text.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
                """Say nothing: a scrape a second would drown the test's own output."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(
            # How long the end may take: half a second by default.
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.01},
            daemon=True,
        )

    @property
    def address(self) -> str:
        """`host:port`, as a scrape configuration wants it."""
        return f"{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Scraped(Protocol):
    """Something that can be scraped."""

    @property
    def address(self) -> str:
        """`host:port`."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus that scrapes one target every second."""

    url: str
    process: Process


@contextmanager
def prometheus(
    folder: Path, target: Scraped, *, rules: str, cluster: str = "prod-cluster"
) -> Iterator[Prometheus]:
    """Run Prometheus over *target*; its data and log lie in *folder*.

    Args:
        folder: An empty folder.
        target: What is scraped; its series get the label `cluster`.
        rules: A rule file's text.
        cluster: That label's value.
    """
    (folder / "rules.yml").write_text(rules)
    configuration = folder / "prometheus.yml"
    configuration.write_text(_CONFIGURATION.format(target=target.address, cluster=cluster))
    url = f"http://{LOOPBACK}:{free_port()}"
    command = [
        "prometheus",
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--log.level=warn",
    ]
    with Process("prometheus", command, folder / "prometheus.log", ready_url=f"{url}/-/ready") as p:
        p.wait_ready()
        yield Prometheus(url, p)
