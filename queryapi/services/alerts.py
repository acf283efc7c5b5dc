"""Firing alerts in the words of the real-time API."""

import re
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from queryapi.services.model import Alert
from queryapi.services.wording import TIME_SCHEMA, second

_SEVERITIES = ("critical", "warning", "info")
# Said elsewhere in an alert's item, or the same for every alert.
_NOT_IN_MESSAGE = frozenset({"alertname", "severity", "cluster", "instance", "job"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|[0-9]+")
_ACRONYMS = frozenset({"gpu", "nvml", "ecc", "xid", "api", "cpu", "mig", "pcie"})


class AlertItem(msgspec.Struct, frozen=True):
    """One firing alert."""

    id: Annotated[str, Meta(description="Digest of the alert's labels.")]
    severity: Annotated[str, Meta(description="critical, warning or info.")]
    type: Annotated[str, Meta(description="The alert's name.")]
    message: Annotated[str, Meta(description="Its name and labels in words.")]
    timestamp: Annotated[
        str | None,
        Meta(description="Since when its condition holds.", extra_json_schema=TIME_SCHEMA),
    ]
    source: Annotated[str, Meta(description="The instance, node or job that it is about.")]


def told_alerts(alerts: tuple[Alert, ...]) -> tuple[AlertItem, ...]:
    """Return the items, worst first and then oldest first."""
    items = map(_alert, alerts)
    return tuple(
        sorted(items, key=lambda i: (_SEVERITIES.index(i.severity), i.timestamp or "~", i.id))
    )


def _alert(alert: Alert) -> AlertItem:
    labels = alert.labels
    severity = labels.get("severity", "").lower()
    return AlertItem(
        id=alert.id,
        severity=severity if severity in _SEVERITIES else "info",
        type=labels.get("alertname", ""),
        message=_message(labels),
        timestamp=None if alert.since is None else second(alert.since),
        source=labels.get("instance") or labels.get("node") or labels.get("job") or "",
    )


def _message(labels: Mapping[str, str]) -> str:
    """Return an alert in words: `GPU too hot: gpu 3, node gpu-node-1`."""
    name = labels.get("alertname", "")
    words = (word.lower() for word in _WORD.findall(name))
    said = " ".join(word.upper() if word in _ACRONYMS else word for word in words) or name
    told = ", ".join(
        f"{label.replace('_', ' ')} {value}"
        for label, value in sorted(labels.items())
        if label not in _NOT_IN_MESSAGE
    )
    return said[:1].upper() + said[1:] + (f": {told}" if told else "")
