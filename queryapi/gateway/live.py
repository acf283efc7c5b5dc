"""Real-time metrics as a stream: `/api/v1/real-time-metrics/ws?interval=5&compare=1h`."""

import re
from urllib.parse import parse_qs

from queryapi.errors import InvalidParameter
from queryapi.gateway.feeds import Feeds, Question
from queryapi.gateway.session import Session
from queryapi.settings import Api

PATH = "/api/v1/real-time-metrics/ws"

_ASKED = "/api/v1/real-time-metrics"
_USUAL_SECONDS, _LEAST, _MOST = "5", 1, 300
_NUMBER = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?", re.ASCII)
# What it may be is the service's to say; this is what fits into a URL as it is.
_PERIOD = re.compile(r"[0-9]{1,6}[smhdw]", re.ASCII)


class LiveMetrics:
    """Sends the answer of `/api/v1/real-time-metrics` once per interval.

    Args:
        feeds: Where its questions are asked.
    """

    api = Api.HEALTH

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds

    def wanted(self, query: str) -> Question:
        """Return the question that *query* stands for.

        Raises:
            InvalidParameter: When a parameter is wrong.
        """
        given = parse_qs(query, keep_blank_values=True)
        interval, compare = (given.get(name, [None])[0] for name in ("interval", "compare"))
        seconds = _seconds(_USUAL_SECONDS if interval is None else interval)
        target = f"{_ASKED}?max_age={seconds:g}"
        if compare is not None:
            if not _PERIOD.fullmatch(compare):
                raise InvalidParameter("Invalid parameter: compare is a period such as 1h")
            target += f"&compare={compare}"
        return Question(target, seconds)

    def join(self, session: Session, wanted: Question) -> None:
        """Begin to send."""
        self._feeds.join(session, wanted)

    def leave(self, session: Session, wanted: Question) -> None:
        """Stop sending."""
        self._feeds.leave(session, wanted)

    def received(self, session: Session, message: str | bytes) -> None:
        """Ignore it: this path only tells."""


def _seconds(text: str) -> float:
    seconds = float(text) if _NUMBER.fullmatch(text) else 0.0
    if not _LEAST <= seconds <= _MOST:
        raise InvalidParameter(
            f"Invalid parameter: interval is a number of seconds from {_LEAST} to {_MOST}"
        )
    return seconds
