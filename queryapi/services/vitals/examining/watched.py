"""One service, the ways of knowing it, and what was found of it before."""

import logging
from collections.abc import Sequence

from queryapi.services.vitals.examining.history import History
from queryapi.services.vitals.examining.observation import together
from queryapi.services.vitals.examining.slot import BROKEN, Outcomes
from queryapi.services.vitals.examining.ways import Way
from queryapi.services.vitals.model import Finding, Status
from queryapi.telemetry.logs import fields

_LOG = logging.getLogger(__name__)


class Watched:
    """A service that is looked at.

    Args:
        name: What it is called.
        ways: How it is known, the most direct one first; at least one.
        cluster: Whose it is; None = everybody's.
        data_source: What it is a source of.
    """

    def __init__(
        self,
        name: str,
        ways: Sequence[Way],
        *,
        cluster: str | None = None,
        data_source: str | None = None,
    ) -> None:
        self.name = name
        self.ways = tuple(ways)
        self._cluster = cluster
        self._data_source = data_source
        self._history = History()
        self._counted = all(way.counts for way in ways)
        self._status = Status.HEALTHY

    def finding(self, answers: Outcomes, at: float) -> Finding | None:
        """Return what was found at Unix time *at*; None when there is no such service."""
        told = [way.tell(answers) for way in self.ways]
        verdict = together([one for one in told if one is not None]) if any(told) else None
        if verdict is None:
            return None
        self._history.note(at, healthy=verdict.status is Status.HEALTHY)
        checks, failures = (0, 0) if self._counted else self._history.counts(at)
        self._log(verdict.status, verdict.error)
        return Finding(
            service=self.name,
            cluster=self._cluster,
            status=verdict.status,
            response_time=verdict.response_time,
            numbers=dict(verdict.numbers),
            error=verdict.error,
            checks=checks + verdict.checks,
            failures=failures + verdict.failures,
            last_success=self._history.last_success,
            uptime=verdict.uptime,
            data_source=self._data_source,
        )

    def broken(self) -> Finding:
        """Return what is told when nothing could be found."""
        return Finding(
            service=self.name,
            cluster=self._cluster,
            status=Status.ERROR,
            error=BROKEN.error,
            data_source=self._data_source,
        )

    def _log(self, status: Status, error: str) -> None:
        """Log a line when it becomes ill, and one when it is well again."""
        was, self._status = self._status, status
        if (was is Status.HEALTHY) is (status is Status.HEALTHY):
            return
        if status is Status.HEALTHY:
            _LOG.info("A service is healthy again", extra=fields(service=self.name))
        else:
            about = fields(service=self.name, status=status.value, error=error)
            _LOG.warning("A service is not healthy", extra=about)
