"""Logging as it was before a test set it up."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from queryapi.telemetry.logs import ACCESS


@contextmanager
def logging_restored() -> Iterator[None]:
    """Put the handlers back that there were; what has gathered is written first."""
    loggers = [logging.getLogger(), logging.getLogger(ACCESS)]
    before = [(it, list(it.handlers), it.level, it.propagate) for it in loggers]
    try:
        yield
        for handler in loggers[1].handlers:
            handler.flush()
    finally:
        for logger, handlers, level, propagate in before:
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.propagate = propagate
