"""Numbers by the administrator's own PromQL.

This is the one place where PromQL is sent that no Selection wrote: it stands in the settings, no
request has a word in it, and what it may see is what whoever wrote it decided.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable

from queryapi.errors import UpstreamError
from queryapi.promql.client import PrometheusClient
from queryapi.promql.values import Sample
from queryapi.services.vitals.examining.observation import Observation, unanswered
from queryapi.services.vitals.examining.slot import Moment
from queryapi.services.vitals.model import Status
from queryapi.telemetry.logs import Sparing, fields

_LOG = logging.getLogger(__name__)
_NOTHING = Observation(Status.NOT_CONFIGURED, "its PromQL finds no series")
_SEVERAL = Observation(Status.ERROR, "its PromQL finds several series")


class Number:
    """One number; asked by itself, so that a broken expression spoils nothing else.

    Args:
        name: What it is called.
        expression: An instant vector of exactly one series.
        client: Whom to ask.
        service: Whose it is, for the log.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        expression: str,
        client: PrometheusClient,
        *,
        service: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._expression = expression
        self._client = client
        self._service = service
        self._monotonic = monotonic
        self._sparing = Sparing(monotonic)
        self._logged = ""

    def __call__(self, moment: Moment) -> Observation:
        """Return the number; healthy without it when it is not finite."""
        left = max(moment.deadline - self._monotonic(), 0.001)
        try:
            found = self._client.read(self._expression, _values, at=moment.at, seconds=left).value
        except UpstreamError as error:
            self._log(str(error))
            return unanswered(error, rejected="Prometheus refuses its PromQL")
        if len(found) != 1:
            self._log("it must be exactly one series" if found else "it has no series")
            return _SEVERAL if found else _NOTHING
        self._logged = ""
        [value] = found
        return Observation(
            Status.HEALTHY, numbers={self._name: value} if math.isfinite(value) else {}
        )

    def _log(self, why: str) -> None:
        """Log what is news, and no more than a line a minute."""
        if why != self._logged and self._sparing.is_due():
            self._logged = why
            about = fields(service=self._service, number=self._name, reason=why)
            _LOG.warning("A number cannot be read", extra=about)


def _values(samples: Iterable[Sample]) -> list[float]:
    # Two are enough to know that there are too many.
    return [sample.value for sample, _ in zip(samples, range(2), strict=False)]
