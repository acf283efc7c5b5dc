"""Planned misbehaviour: what the server does wrong, for whom, and how many times.

One mechanism for everything: a `Fault` waits until a request (or a frame of a running watch)
matches it, is acted on, and is used up after `count` matches.

| action    | acts on              | what happens                                                  |
|-----------|----------------------|---------------------------------------------------------------|
| fail      | a request            | is answered with `status` (and `Retry-After` when given)      |
| delay     | a request            | is answered after `seconds`                                   |
| duplicate | a watch's next frame | it is sent twice                                              |
| cut       | a watch's next frame | half of it is sent, then the TCP connection closes            |
| silence   | a watch's next frame | nothing more is sent; the connection stays open               |
| error     | a watch's next frame | an ERROR event with `status` is sent instead; the watch ends  |
| swap      | a watch's next frame | it is sent after the one that follows it                      |

A frame is one line of a watch: an event, a bookmark or an error.
"""

from typing import Literal

import msgspec

from demo.kubernetes.errors import ANSWERS, ApiError, InternalError, UnauthorizedError

Action = Literal["fail", "delay", "duplicate", "cut", "silence", "error", "swap"]


class Fault(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """One planned misbehaviour.

    Args:
        action: What happens: see the module's table.
        verb: "list", "watch", "get", "create", "update" or "patch"; None = any.
        resource: A plural ("pods"), of whichever group, or the path of a request that names none
            ("/version"); None = any.
        after: How many matches are let through first.
        count: How many matches it then acts on.
        status: The HTTP status of "fail", the code of "error".
        retry_after: Seconds in a failure's Retry-After header.
        seconds: How long "delay" waits.
    """

    action: Action
    verb: str | None = None
    resource: str | None = None
    after: int = 0
    count: int = 1
    status: int = 500
    retry_after: int | None = None
    seconds: float = 0.0


class Faults:
    """The faults that wait. Confined to the server's thread, as the store is."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Plan a fault; several that match the same request take turns in this order."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Drop everything planned."""
        self._waiting.clear()

    def waiting(self) -> list[Fault]:
        """Return what is planned and not yet used up, with the counts that are left."""
        return list(self._waiting)

    def take(self, verb: str, resource: str, *actions: Action) -> Fault | None:
        """Return the first fault of these actions for a request, counting it as used once."""
        for fault in self._waiting:
            if fault.action not in actions or not _matches(fault, verb, resource):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.count -= 1
            if fault.count <= 0:
                self._waiting.remove(fault)
            return fault
        return None


def planned(fault: Fault) -> ApiError:
    """Return the error of a "fail" or "error"."""
    details = None if fault.retry_after is None else {"retryAfterSeconds": fault.retry_after}
    error = ANSWERS.get(fault.status, InternalError)
    if error is UnauthorizedError:
        return UnauthorizedError("Unauthorized")
    return error(f"planned failure: {error.reason}", details=details)


def _matches(fault: Fault, verb: str, resource: str) -> bool:
    return fault.verb in {None, verb} and fault.resource in {None, resource}
