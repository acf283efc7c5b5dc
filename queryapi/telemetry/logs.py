"""One line per event on stderr: JSON for machines, text for people."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from queryapi.settings import Format, Level
from queryapi.telemetry.gathering import GatheringHandler

if TYPE_CHECKING:
    from logging import _SysExcInfoType as _ExceptionInfo

_SPARED_SECONDS = 60.0
# Where requests are logged: one line each.
ACCESS = "queryapi.requests"
_ENCODER = msgspec.json.Encoder(enc_hook=str)


def configure(level: Level, form: Format) -> None:
    """Send every logger of this process to stderr in the given form."""
    handler, requests = logging.StreamHandler(), GatheringHandler()
    for each in (handler, requests):
        each.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    access = logging.getLogger(ACCESS)
    access.handlers, access.propagate = [requests], False
    # Nothing of this is written, and each costs on every line.
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Their debug lines hold whole URLs and credentials, and would drown ours.
    for chatty in ("urllib3", "websockets", "asyncio", "sqlalchemy", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def fields(**values: object) -> Mapping[str, object]:
    """Return the `extra` of a log call which carries *values* as fields of the line."""
    return {"fields": values}


class Sparing:
    """Lets one line through a minute: for what goes on and on.

    Args:
        clock: Seconds; they may be set back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: float | None = None

    def is_due(self) -> bool:
        """Tell whether to log now, and note it."""
        with self._lock:
            now = self._clock()
            if self._last is not None and 0 <= now - self._last < _SPARED_SECONDS:
                return False
            self._last = now
            return True


class _JsonFormatter(logging.Formatter):
    """Writes one JSON object per line, whatever the values hold."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields_of(record),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        try:
            text = _ENCODER.encode(line).decode()
        except (TypeError, ValueError):
            # Half a character, for one.
            text = ""
        # What JSON takes as it is, a terminal may obey, and some readers of lines end a line at:
        # slower, and never at a loss.
        return text if text and text.isprintable() else json.dumps(line, default=str)


class _TextFormatter(logging.Formatter):
    """Writes `time level logger: message key=value`, and a trace below it.

    Only a line that begins with a time is an event: what was sent to us cannot make one.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        pairs = (f" {name}={value!r}" for name, value in _fields_of(record).items())
        return _shown(super().formatMessage(record)) + "".join(pairs)

    def formatException(self, ei: "_ExceptionInfo") -> str:  # noqa: N802 - logging's own name
        return "\n".join(f"  {_shown(line)}" for line in super().formatException(ei).split("\n"))


def _shown(text: str) -> str:
    """Return *text* as one line that no terminal obeys, whoever has sent it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _fields_of(record: logging.LogRecord) -> Mapping[str, object]:
    found = getattr(record, "fields", None)
    return found if isinstance(found, Mapping) else {}
