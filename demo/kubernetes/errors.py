"""What can go wrong, and what the API server answers when it does.

ApiServerError
├── UnknownKindError          the store holds no objects of such a kind
├── ObjectFileError           a file of objects cannot be read
└── ApiError                  an answer with a Kubernetes Status body
    ├── BadRequestError            400  BadRequest
    ├── UnauthorizedError          401  Unauthorized
    ├── ForbiddenError             403  Forbidden
    ├── NotFoundError              404  NotFound
    ├── MethodNotAllowedError      405  MethodNotAllowed
    ├── NotAcceptableError         406  NotAcceptable
    ├── AlreadyExistsError         409  AlreadyExists
    ├── ConflictError              409  Conflict
    ├── ExpiredError               410  Expired
    ├── InvalidError               422  Invalid
    ├── TooManyRequestsError       429  TooManyRequests
    ├── InternalError              500  InternalError
    ├── ServiceUnavailableError    503  ServiceUnavailable
    └── ServerTimeoutError         504  Timeout
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class ApiServerError(Exception):
    """Root of this package's errors."""


class UnknownKindError(ApiServerError):
    """The store holds no objects of this kind; `resources.RESOURCES` lists those it does."""


class ObjectFileError(ApiServerError):
    """A file of Kubernetes objects cannot be read; the message says which and why."""


class ApiError(ApiServerError):
    """An HTTP answer whose body is a `Status` object.

    Args:
        message: What kubectl prints after "Error from server".
        details: The Status' `details`: kind, name, causes, retryAfterSeconds.
        continuation: A continue token that lets the client go on (410 of a list).
    """

    code: ClassVar[int]
    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        continuation: str | None = None,
    ) -> None:
        super().__init__(message)
        self.details = details
        self.continuation = continuation

    def status(self) -> dict[str, Any]:
        """Return the `Status` object."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.continuation} if self.continuation else {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
        }
        if self.details is not None:
            status["details"] = self.details
        return status | {"code": self.code}

    def headers(self) -> dict[str, str]:
        """Return the headers that belong to the answer: Retry-After where it is promised."""
        seconds = (self.details or {}).get("retryAfterSeconds")
        return {} if seconds is None else {"Retry-After": str(seconds)}


class BadRequestError(ApiError):
    """The request cannot be understood."""

    code = 400
    reason = "BadRequest"


class UnauthorizedError(ApiError):
    """No token, or a wrong one."""

    code = 401
    reason = "Unauthorized"


class ForbiddenError(ApiError):
    """The token is good but may not do this."""

    code = 403
    reason = "Forbidden"


class NotFoundError(ApiError):
    """No such object, resource or path."""

    code = 404
    reason = "NotFound"


class MethodNotAllowedError(ApiError):
    """Clients cannot write objects of this resource."""

    code = 405
    reason = "MethodNotAllowed"


class NotAcceptableError(ApiError):
    """None of the media types asked for can be made."""

    code = 406
    reason = "NotAcceptable"


class AlreadyExistsError(ApiError):
    """There is an object of this name."""

    code = 409
    reason = "AlreadyExists"


class ConflictError(ApiError):
    """The object is no longer the one the client read."""

    code = 409
    reason = "Conflict"


class ExpiredError(ApiError):
    """A resource version or continue token is too old."""

    code = 410
    reason = "Expired"


class InvalidError(ApiError):
    """Options that contradict one another or are switched off."""

    code = 422
    reason = "Invalid"


class TooManyRequestsError(ApiError):
    """The server asks for patience."""

    code = 429
    reason = "TooManyRequests"


class InternalError(ApiError):
    """The server failed."""

    code = 500
    reason = "InternalError"


class ServiceUnavailableError(ApiError):
    """The server is not ready."""

    code = 503
    reason = "ServiceUnavailable"


class ServerTimeoutError(ApiError):
    """The server cannot answer in time, for example a resource version it has not seen yet."""

    code = 504
    reason = "Timeout"


ANSWERS: Mapping[int, type[ApiError]] = {
    answer.code: answer
    for answer in (
        BadRequestError,
        UnauthorizedError,
        ForbiddenError,
        NotFoundError,
        MethodNotAllowedError,
        NotAcceptableError,
        ConflictError,
        ExpiredError,
        InvalidError,
        TooManyRequestsError,
        InternalError,
        ServiceUnavailableError,
        ServerTimeoutError,
    )
}
"""HTTP status → error, for answers that are chosen by number."""
