"""VictoriaMetrics in Prometheus' place: scrapes by the shipped configuration, rules by vmalert."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.processes import LOOPBACK, Process, free_port
from tests.support.raw_server import RawServer, http, saying

READY_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class VictoriaMetrics:
    """A running VictoriaMetrics and the vmalert that evaluates rules over it."""

    url: str
    store: Process
    rules: Process


@contextmanager
def victoriametrics(
    folder: Path, configuration: Path, *flags: str, seconds: int = 1
) -> Iterator[VictoriaMetrics]:
    """Run both over the targets of a Prometheus.

    Args:
        folder: An empty folder.
        configuration: A folder with `prometheus.yml`, `targets/`, `rules/` and `alerts/`.
        flags: More of VictoriaMetrics' flags.
        seconds: How often rules are evaluated.
    """
    home = folder / "configuration"
    shutil.copytree(configuration, home, ignore=shutil.ignore_patterns("data"))
    # Somebody takes the alerts; nobody looks at them here.
    with _store(folder, home, flags) as store, RawServer(saying(http(b"{}"))) as notified:
        store.wait_ready(seconds=READY_SECONDS)
        url = str(store.ready_url).removesuffix("/health")
        with _vmalert(folder, home, url, notified.url, seconds) as rules:
            rules.wait_ready(seconds=READY_SECONDS)
            yield VictoriaMetrics(url, store, rules)


def _store(folder: Path, home: Path, flags: Iterable[str]) -> Process:
    address = f"{LOOPBACK}:{free_port()}"
    return Process(
        "victoria-metrics",
        [
            *("victoria-metrics", f"-storageDataPath={folder / 'data'}"),
            *(f"-httpListenAddr={address}", "-retentionPeriod=1"),
            f"-promscrape.config={home / 'prometheus.yml'}",
            # The rest of the file is about rules, which are vmalert's business.
            *("-promscrape.config.strictParse=false", "-loggerLevel=WARN", *flags),
        ],
        folder / "victoria-metrics.log",
        ready_url=f"http://{address}/health",
    )


def _vmalert(folder: Path, home: Path, url: str, notified: str, seconds: int) -> Process:
    address = f"{LOOPBACK}:{free_port()}"
    return Process(
        "vmalert",
        [
            *("vmalert", f"-rule={home}/rules/*.yml", f"-rule={home}/alerts/*.yml"),
            *(f"-datasource.url={url}", f"-remoteWrite.url={url}", f"-remoteRead.url={url}"),
            *(f"-notifier.url={notified}", f"-evaluationInterval={seconds}s"),
            *(f"-httpListenAddr={address}", "-loggerLevel=WARN", "-disableAlertgroupLabel"),
        ],
        folder / "vmalert.log",
        ready_url=f"http://{address}/health",
    )
