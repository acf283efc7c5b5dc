"""What can go wrong in the query service.

QueryApiError
├── ConfigurationError        a setting cannot be used; the process does not start
├── InvalidParameter          the caller's request cannot be understood
├── ResourceNotFound          the caller named something that is not there, or hidden to them
│   └── ClusterNotFound       a cluster
├── Unauthenticated           no credential where one is needed, or a wrong one
├── AuthenticatorUnavailable  whoever judges credentials does not answer; try again
├── NotPermitted              a known caller may not do this
├── RateLimited               a client asks more than it may
├── Overloaded                there is no room for one more; try again
├── Conflict                  what is there forbids what is asked for
├── PreconditionFailed        what the caller wants changed is not what they have seen
├── UnsupportedContent        a body of a kind that the route does not take
├── KeyReused                 an idempotency key that stands for another request
├── StoreUnavailable          the database does not answer, or takes no writes; try again
├── SharedUnavailable         Redis does not answer; the process goes on alone
└── UpstreamError             Prometheus
    ├── UpstreamUnavailable   no usable answer: refused, late, failing, broken; try again
    │   └── NoData            an answer without the series that the question needs
    └── QueryRejected         Prometheus refuses our query: a defect of ours, not of the caller's
"""

from typing import Literal

CHALLENGE = 'Bearer realm="gpuscope"'

Reason = Literal[
    "refused",
    "timeout",
    "failed",
    "faulty",
    "denied",
    "garbled",
    "too_large",
    "no_data",
    "paused",  # left alone after failures
    "busy",  # too many readers wait already
]


class QueryApiError(Exception):
    """Base of everything the query service raises on purpose."""


class ConfigurationError(QueryApiError):
    """A setting cannot be used; the message says which and what to write instead."""


class InvalidParameter(QueryApiError):  # noqa: N818 - what the document calls it
    """The request cannot be understood; the message is shown to the caller."""


class ResourceNotFound(QueryApiError):  # noqa: N818 - what HTTP calls it
    """There is nothing of that name, or the caller may not know of it; the message is shown."""


class ClusterNotFound(ResourceNotFound):
    """No cluster of that name is configured."""


class Unauthenticated(QueryApiError):  # noqa: N818 - what HTTP calls it
    """There is no credential where one is needed, or it is wrong; the message is shown.

    Args:
        message: Never says which part of a credential is wrong.
        given: Whether a bearer token was sent at all.
    """

    def __init__(self, message: str, *, given: bool = False) -> None:
        super().__init__(message)
        self.given = given

    @property
    def challenge(self) -> str:
        """The value of `WWW-Authenticate` (RFC 6750, section 3)."""
        return f'{CHALLENGE}, error="invalid_token"' if self.given else CHALLENGE


class AuthenticatorUnavailable(QueryApiError):  # noqa: N818 - a state, named as one
    """The credential cannot be judged now, which is not its bearer's fault.

    Args:
        message: Shown to the caller.
        retry_after: Seconds after which trying again makes sense.
    """

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotPermitted(QueryApiError):  # noqa: N818 - a state, named as one
    """The caller is known and may not do this; the message is shown."""

    challenge = f'{CHALLENGE}, error="insufficient_scope"'


class RateLimited(QueryApiError):  # noqa: N818 - a state, named as one
    """The client asks more than it may; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Overloaded(QueryApiError):  # noqa: N818 - a state, named as one
    """There is no room for one more; `retry_after` is in seconds, the message is shown."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Conflict(QueryApiError):  # noqa: N818 - what HTTP calls it
    """What is there forbids what is asked for; the message is shown and says what to do."""


class PreconditionFailed(QueryApiError):  # noqa: N818 - what HTTP calls it
    """What the caller wants changed is not what they have seen; the message is shown."""


class UnsupportedContent(QueryApiError):  # noqa: N818 - what HTTP calls it
    """A body of a kind that the route does not take; the message is shown."""


class KeyReused(QueryApiError):  # noqa: N818 - a state, named as one
    """An idempotency key stands for another request already; the message is shown."""


class StoreUnavailable(QueryApiError):  # noqa: N818 - a state, named as one
    """The database does not answer or takes no writes; the message is shown.

    Nothing was changed, unless the message says that nobody knows: it may go away while it stores.

    Args:
        message: Names neither hosts nor credentials.
        retry_after: Seconds after which trying again makes sense; None = it never does.
    """

    def __init__(self, message: str, *, retry_after: int | None = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SharedUnavailable(QueryApiError):  # noqa: N818 - a state, named as one
    """What processes share cannot be reached: a caller goes on with what is its own."""


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
