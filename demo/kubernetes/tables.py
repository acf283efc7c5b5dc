"""What `kubectl get` prints: columns and cells per resource.

The columns and the way each cell is worked out follow Kubernetes' own printers
(pkg/printers/internalversion/printers.go). Columns of priority 1 show under `-o wide` only.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from demo.kubernetes.entries import Key
from demo.kubernetes.resources import Resource

Cells = list[Any]
Printer = Callable[[Mapping[str, Any], float], Cells]

NONE = "<none>"
UNKNOWN = "<unknown>"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_WIDE = 1
_AGE = ("Age", "string", 0)
_NAME = ("Name", "string", 0)

_COLUMNS: Mapping[str, tuple[tuple[str, str, int], ...]] = {
    "nodes": (
        _NAME,
        ("Status", "string", 0),
        ("Roles", "string", 0),
        _AGE,
        ("Version", "string", 0),
        ("Internal-IP", "string", _WIDE),
        ("External-IP", "string", _WIDE),
        ("OS-Image", "string", _WIDE),
        ("Kernel-Version", "string", _WIDE),
        ("Container-Runtime", "string", _WIDE),
    ),
    "pods": (
        _NAME,
        ("Ready", "string", 0),
        ("Status", "string", 0),
        ("Restarts", "string", 0),
        _AGE,
        ("IP", "string", _WIDE),
        ("Node", "string", _WIDE),
        ("Nominated Node", "string", _WIDE),
        ("Readiness Gates", "string", _WIDE),
    ),
}


def columns(resource: Resource) -> list[dict[str, Any]]:
    """Return a resource's `columnDefinitions`."""
    return [
        {
            "name": name,
            "type": kind,
            "format": "name" if name == "Name" else "",
            "description": "",
            "priority": priority,
        }
        for name, kind, priority in _COLUMNS.get(resource.plural, (_NAME, _AGE))
    ]


def cells(resource: Resource, key: Key, body: bytes, now: float) -> Cells:
    """Return one row's cells; an object that cannot be read shows its name and "<unknown>".

    Args:
        resource: What the object is.
        key: Its namespace and name.
        body: The encoded object.
        now: Seconds since the epoch; ages count from there.
    """
    printer = _PRINTERS.get(resource.plural, _print_any)
    try:
        return [key[1], *printer(msgspec.json.decode(body), now)]
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError):
        return [key[1], *[UNKNOWN] * (len(columns(resource)) - 1)]


def age(timestamp: str | None, now: float) -> str:
    """Return how long ago an RFC 3339 time was, as kubectl says it: 45s, 3m20s, 5h, 12d."""
    if not timestamp:
        return UNKNOWN
    return _duration(int(now - datetime.fromisoformat(timestamp).timestamp()))


def _duration(seconds: int) -> str:
    """Say a duration with the two units that matter (apimachinery, util/duration)."""
    scales = (
        (2 * _MINUTE, 1, "s", 0, ""),
        (10 * _MINUTE, _MINUTE, "m", 1, "s"),
        (3 * _HOUR, _MINUTE, "m", 0, ""),
        (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
        (2 * _DAY, _HOUR, "h", 0, ""),
        (8 * _DAY, _DAY, "d", _HOUR, "h"),
        (2 * 365 * _DAY, _DAY, "d", 0, ""),
        (8 * 365 * _DAY, 365 * _DAY, "y", _DAY, "d"),
    )
    seconds = max(0, seconds)
    for below, unit, letter, smaller, small_letter in scales:
        if seconds < below:
            rest = seconds % unit // smaller if smaller else 0
            return f"{seconds // unit}{letter}" + (f"{rest}{small_letter}" if rest else "")
    return f"{seconds // (365 * _DAY)}y"


def _created(content: Mapping[str, Any], now: float) -> str:
    return age(content["metadata"].get("creationTimestamp"), now)


def _print_any(content: Mapping[str, Any], now: float) -> Cells:
    return [_created(content, now)]


# -- nodes


def _print_node(node: Mapping[str, Any], now: float) -> Cells:
    status = node.get("status", {})
    info = status.get("nodeInfo", {})
    addresses = {row["type"]: row["address"] for row in status.get("addresses", ())}
    return [
        _node_status(node),
        _roles(node["metadata"].get("labels", {})),
        _created(node, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE),
        addresses.get("ExternalIP", NONE),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _node_status(node: Mapping[str, Any]) -> str:
    ready = _condition(node, "Ready").get("status")
    words = ["Unknown" if ready is None else "Ready" if ready == "True" else "NotReady"]
    if node.get("spec", {}).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _roles(labels: Mapping[str, str]) -> str:
    prefix = "node-role.kubernetes.io/"
    roles = {name.removeprefix(prefix) for name in labels if name.startswith(prefix)}
    return ",".join(sorted(roles - {""})) or NONE


def _condition(content: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions: Iterable[Mapping[str, Any]] = content.get("status", {}).get("conditions") or ()
    return next((row for row in conditions if row.get("type") == kind), {})


# -- pods


def _print_pod(pod: Mapping[str, Any], now: float) -> Cells:
    spec, status = pod.get("spec", {}), pod.get("status", {})
    running = status.get("containerStatuses") or ()
    ready = sum(bool(row.get("ready") and "running" in row.get("state", {})) for row in running)
    return [
        f"{ready}/{len(spec.get('containers') or ())}",
        _pod_status(pod),
        _restarts(running, now),
        _created(pod, now),
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(pod),
    ]


def _pod_status(pod: Mapping[str, Any]) -> str:
    status = pod.get("status", {})
    if pod["metadata"].get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    initialising = _initialising(pod)
    if initialising:
        return f"Init:{initialising}"
    for container in status.get("containerStatuses") or ():
        reason = _stopped(container.get("state", {}))
        if reason:
            return reason
    if _condition(pod, "PodScheduled").get("reason") == "SchedulingGated":
        return "SchedulingGated"
    return str(status.get("reason") or status.get("phase", UNKNOWN))


def _initialising(pod: Mapping[str, Any]) -> str:
    """Return how far the init containers have come; "" when all are done or serving."""
    rows = pod.get("status", {}).get("initContainerStatuses") or ()
    for position, row in enumerate(rows):
        state = row.get("state", {})
        done = state.get("terminated", {}).get("exitCode") == 0
        sidecar_serves = bool(row.get("started") and "running" in state)
        if not done and not sidecar_serves:
            waits = state.get("waiting", {}).get("reason") == "PodInitializing"
            return ("" if waits else _stopped(state)) or f"{position}/{len(rows)}"
    return ""


def _stopped(state: Mapping[str, Any]) -> str:
    """Return why a container does not run; "" when it does or gives no reason."""
    waiting, terminated = state.get("waiting", {}), state.get("terminated", {})
    if waiting.get("reason"):
        return str(waiting["reason"])
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated['exitCode']}" if "exitCode" in terminated else ""


def _restarts(containers: Iterable[Mapping[str, Any]], now: float) -> str:
    rows = list(containers)
    count = sum(row.get("restartCount", 0) for row in rows)
    ended = [row.get("lastState", {}).get("terminated", {}).get("finishedAt") for row in rows]
    latest = max(filter(None, ended), default=None)
    return f"{count} ({age(latest, now)} ago)" if count and latest else str(count)


def _gates(pod: Mapping[str, Any]) -> str:
    gates = pod.get("spec", {}).get("readinessGates") or ()
    met = sum(_condition(pod, gate["conditionType"]).get("status") == "True" for gate in gates)
    return f"{met}/{len(gates)}" if gates else NONE


_PRINTERS: Mapping[str, Printer] = {"nodes": _print_node, "pods": _print_pod}
