"""A real Prometheus on a spare port, and a target whose words a test can choose."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, Self

from demo.processes import LOOPBACK, Process, free_port
from tests.support.answering import AnsweringServer

_TEXT = {"Content-Type": "text/plain; version=0.0.4"}
_CONFIGURATION = """
global:
  scrape_interval: {seconds}s
  evaluation_interval: {seconds}s
rule_files: [rules.yml]
scrape_configs:
  - job_name: fleet
    honor_timestamps: true
    honor_labels: true
    static_configs:
      - targets: {targets}
        labels: {{cluster: {cluster}}}
"""
_SECURED = """
    scheme: https
    tls_config: {{ca_file: {trust}}}
    basic_auth: {{username: {user}, password: {password}}}
"""


class Target:
    """An HTTP server that answers every GET with `text`, in Prometheus' text format."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self._server = AnsweringServer(lambda _path, _query: (200, _TEXT, self.text.encode()))

    @property
    def address(self) -> str:
        """`host:port`, as a scrape configuration wants it."""
        return self._server.url.removeprefix("http://")

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()


@dataclass(frozen=True, slots=True)
class Secured:
    """How targets are scraped that ask for TLS and a password."""

    trust: Path
    user: str
    password: str


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
    folder: Path,
    target: Scraped,
    *,
    rules: str,
    cluster: str = "prod-cluster",
    others: Sequence[str] = (),
    seconds: int = 1,
    secured: Secured | None = None,
) -> Iterator[Prometheus]:
    """Run Prometheus over *target*; its data and log lie in *folder*.

    Args:
        folder: An empty folder.
        target: What is scraped; its series get the label `cluster`.
        rules: A rule file's text.
        cluster: That label's value.
        others: Addresses of more targets of the same job, whether anybody is there or not.
        seconds: Time between two scrapes, and between two evaluations of the rules.
        secured: How targets are scraped; None = without TLS and password.
    """
    (folder / "rules.yml").write_text(rules)
    targets = json.dumps([target.address, *others])
    configuration = folder / "prometheus.yml"
    text = _CONFIGURATION.format(targets=targets, cluster=cluster, seconds=seconds)
    configuration.write_text(text + (_SECURED.format(**asdict(secured)) if secured else ""))
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
