"""`gpuscope-api` as a process of its own."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from demo.processes import LOOPBACK, Process, free_port

EVERYWHERE = "0.0.0.0"  # noqa: S104 - a choice of those who have tokens
COMMAND = (sys.executable, "-m", "queryapi.cli")


@dataclass(frozen=True, slots=True)
class Api:
    """A running query service; `urls` are its listeners."""

    process: Process
    urls: tuple[str, ...]

    def get(self, path: str, **query: str | list[str]) -> requests.Response:
        """Send one GET to the first listener."""
        return requests.get(self.urls[0] + path, params=query, timeout=90)


@contextmanager
def api(
    folder: Path,
    prometheus_url: str,
    settings: Mapping[str, Any],
    *,
    second: Sequence[str] | None = None,
    everywhere: bool = False,
    files: int | None = None,
) -> Iterator[Api]:
    """Run the query service for the cluster `prod-cluster` on two spare ports.

    Args:
        folder: Receives settings and log.
        prometheus_url: The cluster's Prometheus.
        settings: Sections of the settings besides listeners and clusters; `stream_listen` starts
            a gateway too, and only where `database_url` names one are pools kept.
        second: The only APIs of the second listener; None = all.
        everywhere: Whether other machines may connect to the first; *settings* have tokens then.
        files: How many each process may open before it asks for more; None = as many as we.
    """
    ports = [free_port() for _ in range(2)]
    addresses = [f"{LOOPBACK}:{port}" for port in ports]
    listen = [f"{EVERYWHERE}:{ports[0]}", addresses[1]] if everywhere else addresses
    cluster = {"name": "prod-cluster", "prometheus_url": prometheus_url}
    given = {
        "listen": listen,
        "stream_listen": None,
        "clusters": [cluster],
        "database_url": None,
        **settings,
    }
    if second is not None:
        given["listen_apis"] = {str(ports[1]): list(second)}
    # JSON as the variables of the environment take it, of which YAML is a superset.
    (folder / "gpuscope.yml").write_text(json.dumps(given))
    urls = tuple(f"http://{address}" for address in addresses)
    limited = () if files is None else ("prlimit", f"--nofile={files}:")
    command = [*limited, *COMMAND, "--config", str(folder / "gpuscope.yml")]
    with Process("gpuscope-api", command, folder / "api.log", ready_url=f"{urls[0]}/healthz") as p:
        p.wait_ready()
        yield Api(p, urls)
