"""One line per event on stderr: JSON for machines, text for people."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

Format = Literal["json", "text"]
Level = Literal["debug", "info", "warning", "error"]


def configure(level: Level, form: Format) -> None:
    """Send every logger of this process to stderr in the given form."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Its debug lines hold whole URLs and would drown ours.
    logging.getLogger("urllib3").setLevel(logging.WARNING)


def fields(**values: object) -> Mapping[str, object]:
    """Return the `extra` of a log call which carries *values* as fields of the line."""
    return {"fields": values}


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
        return json.dumps(line, ensure_ascii=False, default=str)


class _TextFormatter(logging.Formatter):
    """Writes `time level logger: message key=value`, a trace on lines of its own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        pairs = (f" {name}={value!r}" for name, value in _fields_of(record).items())
        return super().formatMessage(record) + "".join(pairs)


def _fields_of(record: logging.LogRecord) -> Mapping[str, object]:
    found = getattr(record, "fields", None)
    return found if isinstance(found, Mapping) else {}
