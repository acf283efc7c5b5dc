"""What is shown of a job: pure functions from what was told to lines of text."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
_LINES = 8
_KNOWN = 200
"""Lines that are remembered, so that none is shown twice."""
_BAR = 40
_MINUTE, _HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class View:
    """What is known of a job.

    Args:
        note: What is to be said of the connection; "" = nothing.
        outcome: What a finished job came to, in one line.
        silent: Since when a running job that should report has not; "" = it does.
    """

    job: str
    status: str = ""
    progress: float | None = None
    operation: str = ""
    metrics: Mapping[str, Any] | None = None
    remaining: float | None = None
    cost: float | None = None
    currency: str = "QUBIC"
    logs: tuple[Mapping[str, Any], ...] = ()
    note: str = ""
    outcome: str = ""
    silent: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.status in FINAL


def monitored(view: View, answer: Mapping[str, Any]) -> View:
    """Return *view* by an answer of `GET …/monitor`."""
    job = answer["job"]
    return replace(
        _logged(view, answer.get("logs", ())),
        status=job["status"],
        progress=job["progress"],
        operation=job.get("currentOperation") or "",
        metrics=answer["metrics"]["latest"],
        remaining=answer.get("timeRemaining"),
        cost=answer.get("costSoFar", job.get("actualCost")),
        currency=job.get("currency", view.currency),
        silent=job.get("lastReportAt") or "" if job.get("liveness") == "STALLED" else "",
    )


def told(view: View, message: Mapping[str, Any]) -> View:
    """Return *view* by a message of the stream; what is unknown changes nothing."""
    data = message.get("data") or {}
    match message.get("type"):
        case "JOB_PROGRESS":
            return replace(
                view,
                # Frames of progress do not say it; what has ended stays so.
                status=view.status if view.over or not data["progress"] else "RUNNING",
                progress=data["progress"],
                operation=data.get("currentOperation") or view.operation,
                metrics=data.get("metrics") or view.metrics,
                remaining=data.get("timeRemaining"),
                cost=data.get("costSoFar", view.cost),
                silent="",
            )
        case "JOB_LOGS":
            return _logged(view, data["logs"])
        case "JOB_COMPLETED":
            result = data.get("result")
            result = result if isinstance(result, Mapping) else {}
            outcome = result.get("error") or result.get("result") or ""
            progress = 100 if data["status"] == "COMPLETED" else view.progress
            ended = replace(view, status=data["status"], progress=progress, remaining=None)
            return replace(ended, outcome=str(outcome))
    return view


def _logged(view: View, lines: Sequence[Mapping[str, Any]]) -> View:
    known = {_identity(line) for line in view.logs}
    new = tuple(line for line in lines if _identity(line) not in known)
    return replace(view, logs=(*view.logs, *new)[-_KNOWN:])


def _identity(line: Mapping[str, Any]) -> object:
    return line.get("id") or (line.get("timestamp"), line.get("message"))


def drawn(view: View, width: int) -> list[str]:
    """Return the lines of a picture that is drawn in place, none wider than *width*."""
    lines = [f"{view.job}  {_state(view)}", _bar(view, width), view.operation]
    lines += [figures(view), view.outcome]
    lines += [_log(line) for line in view.logs[-_LINES:]]
    lines.append(view.note)
    return [fitted(line, width) for line in lines if line]


def changes(before: View, now: View) -> list[str]:
    """Return the lines that say what has changed, for what is no terminal."""
    lines = []
    if (before.progress, before.operation, _state(before)) != (
        *(now.progress, now.operation, _state(now)),
    ):
        parts = (_state(now), _percent(now), now.operation, figures(now), now.outcome)
        lines.append("  ".join(part for part in parts if part))
    known = {_identity(line) for line in before.logs}
    lines += [_log(line) for line in now.logs if _identity(line) not in known]
    if now.note and now.note != before.note:
        lines.append(now.note)
    return [harmless(line) for line in lines]


def figures(view: View) -> str:
    """Return its numbers in one line; what nobody knows is left out."""
    parts = [_gpu(view.metrics)] if view.metrics else []
    if view.remaining is not None:
        parts.append(f"{duration(view.remaining)} left")
    if view.cost is not None:
        parts.append(f"{view.cost:.4f} {view.currency}")
    return " · ".join(part for part in parts if part)


def _gpu(metrics: Mapping[str, Any]) -> str:
    used, total = metrics.get("gpuMemoryUsed"), metrics.get("gpuMemoryTotal")
    units = (("gpuUtilization", "%"), ("gpuTemperature", "°C"), ("powerUsage", "W"))
    parts = [f"{metrics[n]:.0f} {unit}" for n, unit in units if metrics.get(n) is not None]
    if used is not None:
        parts.append(f"{used:.0f}{'' if total is None else f'/{total:.0f}'} MiB")
    return f"GPU {', '.join(parts)}" if parts else ""


def _bar(view: View, width: int) -> str:
    size = max(5, min(_BAR, width - 10))
    full = round(size * (view.progress or 0) / 100)
    return f"[{'#' * full}{'-' * (size - full)}] {_percent(view)}"


def _percent(view: View) -> str:
    return "" if view.progress is None else f"{view.progress:.1f} %"


def _state(view: View) -> str:
    return f"{view.status}, silent since {view.silent[11:19]} UTC" if view.silent else view.status


def _log(line: Mapping[str, Any]) -> str:
    clock = str(line.get("timestamp", ""))[11:19]
    return f"{clock} {line.get('level', 'info'):7} {line.get('message', '')}"


def duration(seconds: float) -> str:
    """Return seconds as a person says them."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def harmless(text: str) -> str:
    """Return *text* without what a terminal would obey: jobs may log anything."""
    # Line ends, escapes, and marks that turn the direction of writing.
    return "".join(each if each.isprintable() else " " if each.isspace() else "�" for each in text)


def fitted(text: str, width: int) -> str:
    """Return as much of *text* as stands in *width* columns: a line that wraps spoils a picture."""
    clean = harmless(text)
    # Wide characters take two columns, marks that join the one before none.
    columns = accumulate(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in clean
    )
    return clean[: sum(1 for column in columns if column <= width)]
