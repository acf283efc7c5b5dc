"""Logs what Prometheus says beside its data, without repeating itself."""

import logging
import threading
from collections.abc import Callable

from queryapi.promql.decoding import Notices
from queryapi.telemetry.logs import fields

_LOG = logging.getLogger(__name__)
_SECONDS = 60.0
# Texts hold numbers and names: what cannot be remembered is not logged either.
_REMEMBERED = 100
# One that names a thousand pods is tens of KB.
_QUERY_LENGTH = 1000


def loggable(query: str) -> str:
    """Return what of a query is logged."""
    return query[:_QUERY_LENGTH]


class NoticeLog:
    """Logs each text of one cluster at most once a minute.

    Args:
        cluster: Whose Prometheus speaks.
        clock: Monotonic seconds.
    """

    def __init__(self, cluster: str, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[str, float] = {}

    def note(self, query: str, notices: Notices) -> None:
        """Log what is new in *notices*."""
        for text in notices.warnings:
            if self._is_new(text):
                self._log(logging.WARNING, "Prometheus warns about its answer", query, text)
        for text in notices.infos:
            if self._is_new(text):
                self._log(logging.INFO, "Prometheus remarks on a query", query, text)

    def _log(self, level: int, message: str, query: str, text: str) -> None:
        about = fields(cluster=self._cluster, query=loggable(query), notice=text)
        _LOG.log(level, message, extra=about)

    def _is_new(self, text: str) -> bool:
        now = self._clock()
        with self._lock:
            if now - self._said.get(text, -_SECONDS) < _SECONDS:
                return False
            if len(self._said) >= _REMEMBERED:
                self._said = {said: at for said, at in self._said.items() if now - at < _SECONDS}
            if len(self._said) >= _REMEMBERED:
                return False
            self._said[text] = now
            return True
