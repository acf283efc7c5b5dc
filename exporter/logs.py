"""One log line per event on standard error, as logfmt or JSON."""

import json
import logging
import sys
import time
from typing import TextIO

LEVELS = ("debug", "info", "warn", "error")
FORMATS = ("logfmt", "json")


class _Fields(logging.Formatter):
    """Turns a record into time, level, logger, message and, where there is one, the traceback."""

    def fields(self, record: logging.LogRecord) -> dict[str, str]:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields = {
            "ts": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return fields


class _Json(_Fields):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.fields(record))


class _Logfmt(_Fields):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_quoted(text)}" for key, text in self.fields(record).items())


def configure(level: str, layout: str, stream: TextIO = sys.stderr) -> None:
    """Send every log record of this process to *stream*.

    Args:
        level: One of LEVELS.
        layout: One of FORMATS.
        stream: Where to write.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Json() if layout == "json" else _Logfmt())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel("WARNING" if level == "warn" else level.upper())


def _quoted(text: str) -> str:
    # One record is one line that no terminal obeys, whatever an API server or a driver put into it.
    if text and text.isprintable() and not set(text) & set(' "=\\'):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
