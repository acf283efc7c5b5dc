"""Alerts are what whoever gets one needs: whose it is, what it means, where to look."""

import re
import subprocess
from typing import Any

import yaml

from demo.stack import ROOT

_HOME = ROOT / "prometheus"
_BOARDS = {
    *("gpu-fleet", "gpu-capacity", "gpu-node", "gpu-device", "gpu-namespaces"),
    *("gpu-workloads", "gpu-jobs", "gpu-incidents", "gpu-health"),
}
_SEVERITIES = {"critical", "warning", "info", "none"}
_TEAMS = {
    "hardware": {"gpu"},
    "efficiency": {"owners", "platform"},
    "jobs": {"owners"},
    "telemetry": {"platform", "gpu"},
}
_PLATFORM = {"platform"}
# Where nothing is set there is nothing to compare with.
_MAY_BE_UNSET = re.compile(r"vector\(1\) < 0")


def _rules(folder: str) -> list[dict[str, Any]]:
    texts = [path.read_text() for path in sorted((_HOME / folder).glob("*.yml"))]
    groups = [group for text in texts for group in yaml.safe_load(text)["groups"]]
    return [rule for group in groups for rule in group["rules"]]


_ALERTS = _rules("alerts")


def test_an_alert_says_whose_it_is_and_where_to_look() -> None:
    """Each alert has a severity, a team, a category, a runbook and a dashboard that exists."""
    assert [] == [rule["alert"] for rule in _ALERTS if not _is_labelled(rule["labels"])]
    assert [] == [rule["alert"] for rule in _ALERTS if not _leads_on(rule)]


def _is_labelled(labels: dict[str, str]) -> bool:
    teams = _TEAMS.get(labels["category"], _PLATFORM)
    return labels["severity"] in _SEVERITIES and labels.get("team") in teams


def _leads_on(rule: dict[str, Any]) -> bool:
    told = rule["annotations"]
    board = told.get("dashboard_url", "").split("?")[0].removeprefix("/d/")
    return f"docs/runbook.md#{rule['alert'].lower()}" == told["runbook_url"] and board in _BOARDS


def test_an_alert_says_what_is_wrong_and_of_what() -> None:
    """A summary is the same for all alerts of a name; a description is whole sentences."""
    told = {rule["alert"]: rule["annotations"] for rule in _ALERTS}

    assert [] == [name for name, text in told.items() if "{{" in text["summary"]]
    assert [] == [name for name, text in told.items() if not text["description"].endswith(".")]


def test_no_alert_has_what_an_older_vmalert_refuses() -> None:
    """One field that it does not know, and it takes none of the file's rules."""
    known = {"alert", "expr", "for", "labels", "annotations"}

    assert {} == {rule["alert"]: set(rule) - known for rule in _ALERTS if not set(rule) <= known}


def test_what_alerts_compare_with_is_watched() -> None:
    """GpuscopeThresholdsMissing names every threshold that is recorded."""
    [watch] = [rule for rule in _ALERTS if rule["alert"] == "GpuscopeThresholdsMissing"]
    recorded = {
        rule["record"]
        for rule in _rules("rules")
        if rule.get("record", "").startswith("threshold:") and not _MAY_BE_UNSET.match(rule["expr"])
    }

    assert recorded == set(re.findall(r"absent\(([\w:]+)\)", watch["expr"]))


def test_vmalert_takes_all_rules() -> None:
    """The oldest vmalert that is supported reads rules and alerts."""
    files = [f"-rule={_HOME / folder / '*.yml'}" for folder in ("rules", "alerts")]
    done = subprocess.run(
        ["vmalert", "-dryRun", *files], capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stderr
