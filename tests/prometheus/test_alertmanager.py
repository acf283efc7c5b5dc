"""The shipped Alertmanager configuration: who is told, and what explains what."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from demo import stack
from demo.processes import LOOPBACK, free_port, wait_for

_FILE = stack.ROOT / "prometheus" / "alertmanager.yml"
_READY_SECONDS = 60

# Labels of an alert → who is told.
_ROUTES = [
    ("alertname=Watchdog severity=none team=platform category=telemetry", "watchdog"),
    ("alertname=InfoInhibitor severity=none team=platform category=telemetry", "nobody"),
    ("severity=critical team=gpu category=hardware", "gpu-page"),
    ("severity=warning team=gpu category=hardware", "gpu-tickets"),
    ("severity=info team=gpu category=hardware", "gpu-tickets"),
    ("severity=critical team=platform category=capacity", "platform-page"),
    ("severity=warning team=platform category=capacity", "platform-tickets"),
    ("severity=info team=platform category=capacity", "platform-tickets"),
    ("severity=critical team=platform category=telemetry", "platform-page"),
    ("severity=warning team=platform category=telemetry", "platform-tickets"),
    ("severity=info team=platform category=efficiency", "platform-tickets"),
    ("severity=warning team=owners category=efficiency", "owners"),
    ("severity=info team=owners category=efficiency", "owners"),
    ("severity=warning team=owners category=jobs", "owners"),
    ("severity=critical alertname=OfTheirOwn", "platform-tickets"),
]

_NODE = {"node": "n"}
_GPU = {"node": "n", "gpu": "0", "uuid": "u"}
_OTHER = {"node": "n", "gpu": "1", "uuid": "v"}
_HARD = {"category": "hardware"}
# Of a node: the bus does not say which of its GPUs is gone.
_FELL = {"alertname": "GpuFellOffBus", "severity": "critical", **_HARD, **_NODE}
_MISSING = {"alertname": "GpuDeviceMissing", "severity": "critical", **_HARD, **_NODE}
_PLUGIN = {"alertname": "GpuDevicePluginLost", "severity": "critical", **_NODE}
_XID = {"alertname": "GpuXidCritical", "severity": "critical", **_HARD}
_LINK = {"alertname": "GpuNvlinkDegraded", "severity": "warning", **_HARD}
_HOT = {"alertname": "GpuThermalSlowdown", "severity": "warning", **_HARD, **_GPU}
_SEVERE = {"alertname": "GpuThermalSlowdownSevere", "severity": "critical", **_HARD, **_GPU}
_LINK_ERRORS = {"alertname": "GpuNvlinkErrors", "severity": "warning", "type": "replay", **_GPU}
_LINKS = {"alertname": "GpuNvlinkErrorsSevere", "severity": "critical", "type": "crc_flit", **_GPU}
_BRAKE = {"alertname": "GpuPowerBrake", "severity": "warning", **_HARD, **_GPU}
_ROOM = {"alertname": "GpuPowerBrakeManyNodes", "severity": "critical", **_HARD}
_NOT_READY = {
    "alertname": "GpuNodeNotReady",
    "severity": "critical",
    "category": "capacity",
    **_NODE,
}
_DRIVER = {"alertname": "GpuDriverDown", "severity": "critical", "category": "telemetry", **_NODE}
_EXPORTER = {
    "alertname": "GpuExporterDown",
    "severity": "critical",
    "category": "telemetry",
    "instance": "n:9400",
}
_DOWN = {"alertname": "GpuDeviceDown", "severity": "critical", **_HARD}
_ACTION = {"alertname": "GpuRecoveryActionNeeded", "severity": "critical", **_HARD}
_COLLECTOR = {"alertname": "GpuCollectorFails", "severity": "warning", "category": "telemetry"}
_IDLE = {"alertname": "GpuAllocatedIdle", "category": "efficiency", "namespace": "ml", "pod": "p"}
_FULL = {"alertname": "GpuCapacityLow", "severity": "info", "category": "capacity"}
_STALE = {"alertname": "GpuClusterStateStale", "severity": "critical", "category": "telemetry"}
_NOTICE = {"alertname": "GpuNodeCordonedLong", "severity": "info", "category": "capacity"}
_HOLD = {"alertname": "InfoInhibitor", "severity": "none", "category": "telemetry"}

# Which alert fires, which one beside it, and whether the second is held back.
_TREE: dict[str, tuple[Mapping[str, str], Mapping[str, str], bool]] = {
    "node-silences-its-devices": (_NOT_READY, {**_XID, **_GPU}, True),
    "node-leaves-others": (_NOT_READY, {**_XID, **_GPU, "node": "m"}, False),
    "node-silences-its-driver": (_NOT_READY, _DRIVER, True),
    "node-silences-its-exporter": (_NOT_READY, {**_EXPORTER, **_NODE}, True),
    "driver-silences-its-devices": (_DRIVER, {**_DOWN, **_GPU}, True),
    "exporter-silences-its-driver": ({**_EXPORTER, **_NODE}, _DRIVER, True),
    "exporter-silences-what-it-told": (_EXPORTER, {**_COLLECTOR, "instance": "n:9400"}, True),
    "exporter-leaves-others": (_EXPORTER, {**_COLLECTOR, "instance": "m:9400"}, False),
    "exporter-silences-its-node": ({**_EXPORTER, **_NODE}, {**_LINK, **_GPU}, True),
    "exporter-without-node-silences-none": (_EXPORTER, {**_LINK, **_GPU}, False),
    "lost-gpu-silences-missing": (_FELL, _MISSING, True),
    "lost-gpu-silences-its-plugin": (_FELL, {**_PLUGIN, "category": "capacity"}, True),
    "lost-gpu-leaves-other-nodes": (_FELL, {**_MISSING, "node": "m"}, False),
    "lost-gpu-leaves-its-neighbour": (_FELL, {**_XID, **_OTHER}, False),
    "down-gpu-silences-xid": ({**_DOWN, **_GPU}, {**_XID, **_GPU}, True),
    "down-gpu-leaves-its-neighbour": ({**_DOWN, **_GPU}, {**_XID, **_OTHER}, False),
    "too-hot-silences-hot": (_SEVERE, _HOT, True),
    "too-hot-leaves-its-neighbour": (_SEVERE, {**_HOT, **_OTHER}, False),
    "worst-links-silence-their-errors": (_LINKS, _LINK_ERRORS, True),
    "room-silences-its-nodes": (_ROOM, _BRAKE, True),
    "down-gpu-keeps-what-to-do": ({**_DOWN, **_GPU}, {**_ACTION, **_GPU}, False),
    "critical-silences-tickets": ({**_XID, **_GPU}, {**_LINK, **_GPU}, True),
    "critical-leaves-other-gpus": ({**_XID, **_GPU}, {**_LINK, **_OTHER}, False),
    "worse-silences-the-same": (
        {**_IDLE, "severity": "warning"},
        {**_IDLE, "severity": "info"},
        True,
    ),
    "worse-leaves-other-pods": (
        {**_IDLE, "severity": "warning"},
        {**_IDLE, "severity": "info", "pod": "q"},
        False,
    ),
    "old-state-silences-capacity": (_STALE, _FULL, True),
    "notice-alone": ({**_HOLD, **_NODE}, {**_NOTICE, **_NODE}, True),
    "notice-of-another-node": ({**_HOLD, **_NODE}, {**_NOTICE, "node": "m"}, False),
}


@pytest.fixture(name="alertmanager", scope="module")
def _alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    with stack.alertmanager(tmp_path_factory.mktemp("alertmanager"), port) as process:
        process.wait_ready()
        yield f"http://{LOOPBACK}:{port}"


def _amtool(*arguments: str, file: Path = _FILE) -> str:
    command = ["amtool", *arguments, f"--config.file={file}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(("labels", "receiver"), _ROUTES)
def test_each_alert_has_one_receiver(labels: str, receiver: str) -> None:
    """Severity, team and category say who is told."""
    assert receiver == _amtool("config", "routes", "test", *labels.split())


def test_the_configuration_is_valid_and_sends_nowhere() -> None:
    """Alertmanager's own tool takes it, and no receiver has an integration before one is named."""
    done = subprocess.run(["amtool", "check-config", str(_FILE)], capture_output=True, check=False)

    assert 0 == done.returncode
    assert "_configs:" not in "".join(
        line for line in _FILE.read_text().splitlines() if not line.lstrip().startswith("#")
    )


def test_the_documented_receivers_are_valid(tmp_path: Path) -> None:
    """The receivers of docs/alerting.md can stand in place of the shipped ones."""
    page = (stack.ROOT / "docs" / "alerting.md").read_text()
    [block] = re.findall(r"```yaml\n(receivers:.*?)```", page, flags=re.DOTALL)
    shipped = _FILE.read_text()
    file = tmp_path / "alertmanager.yml"
    file.write_text(shipped[: shipped.index("receivers:")] + block)
    done = subprocess.run(["amtool", "check-config", str(file)], capture_output=True, check=False)

    assert 0 == done.returncode, done.stderr


def test_causes_silence_what_follows_from_them(alertmanager: str) -> None:
    """A cause is sent; what it explains is held back, and nothing else is."""
    # Each pair in a cluster of its own.
    pairs = [
        {**labels, "cluster": name, "role": role}
        for name, (cause, other, _) in _TREE.items()
        for role, labels in (("cause", cause), ("other", other))
    ]
    answer = requests.post(
        f"{alertmanager}/api/v2/alerts", json=[{"labels": labels} for labels in pairs], timeout=60
    )
    answer.raise_for_status()

    expected = {
        **{(name, "cause"): False for name in _TREE},
        **{(name, "other"): held for name, (_, _, held) in _TREE.items()},
    }
    seen: dict[tuple[str, str], bool] = {}

    def is_as_expected() -> bool:
        seen.clear()
        seen.update(_held(alertmanager))
        return expected == seen

    try:
        wait_for(is_as_expected, seconds=_READY_SECONDS, what="the inhibitions")
    finally:
        assert expected == seen


def _held(url: str) -> dict[tuple[str, str], bool]:
    alerts: list[dict[str, Any]] = requests.get(f"{url}/api/v2/alerts", timeout=60).json()
    return {
        (alert["labels"]["cluster"], alert["labels"]["role"]): bool(alert["status"]["inhibitedBy"])
        for alert in alerts
    }
