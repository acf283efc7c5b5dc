"""What can go wrong in the query service.

QueryApiError
├── ConfigurationError        a setting cannot be used; the process does not start
├── InvalidParameter          the caller's request cannot be understood
├── ClusterNotFound           the caller named a cluster that is not configured
└── UpstreamError             Prometheus
    ├── UpstreamUnavailable   no usable answer: refused, late, failing, broken; try again
    │   └── NoData            an answer without the series that the question needs
    └── QueryRejected         Prometheus refuses our query: a defect of ours, not of the caller's
"""

from typing import Literal

Reason = Literal[
    "refused", "timeout", "failed", "faulty", "denied", "garbled", "too_large", "no_data"
]


class QueryApiError(Exception):
    """Base of everything the query service raises on purpose."""


class ConfigurationError(QueryApiError):
    """A setting cannot be used; the message says which and what to write instead."""


class InvalidParameter(QueryApiError):  # noqa: N818 - what the document calls it
    """The request cannot be understood; the message is shown to the caller."""


class ClusterNotFound(QueryApiError):  # noqa: N818 - what the document calls it
    """No cluster of that name is configured."""


class UpstreamError(QueryApiError):
    """Prometheus did not answer the question."""


class UpstreamUnavailable(UpstreamError):  # noqa: N818 - a state, named as one
    """Prometheus gave no usable answer.

    Args:
        message: Shown to the caller, so it names neither URLs nor credentials.
        reason: A bounded word for metrics and for deciding whether to try again.
    """

    def __init__(self, message: str, *, reason: Reason) -> None:
        super().__init__(message)
        self.reason: Reason = reason


class NoData(UpstreamUnavailable):
    """Prometheus answered without the series that the question needs; absent is not zero."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="no_data")


class QueryRejected(UpstreamError):  # noqa: N818 - a state, named as one
    """Prometheus understood that our query is wrong; the message is for the log only."""
