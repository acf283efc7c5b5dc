"""What is said on the streams of jobs besides jobs' frames: read from clients, written for them."""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from queryapi.errors import InvalidParameter
from queryapi.services.jobs.bounds import ID_CHARACTERS, MOST_NUMBER

_MOST_TOLD = 200
PREFIX = "job:"
_WHAT = "subscribe:job, unsubscribe or ping"


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A client wants to follow a job.

    Args:
        job: Its id.
        since: The number of the last frame that the client has; None = none, or it does not care.
        epoch: Of which story that is; None = the client does not say.
    """

    job: str
    since: int | None = None
    epoch: str | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """A client wants to follow something no more.

    Args:
        name: As it was called when it began, with its prefix or without.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Other:
    """A client wants what only others offer, and is told that it will be told.

    Args:
        name: Of the subscription.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Ping:
    """A client wants to know whether anybody is there."""


Said = Subscribe | Unsubscribe | Other | Ping


class _Message(msgspec.Struct, rename="camel"):
    type: str
    subscription_id: str | None = None
    since: int | None = None
    epoch: str | None = None


class _Subscribed(msgspec.Struct, omit_defaults=True):
    subscription: str
    seq: int
    recovered: bool
    epoch: str | UnsetType = UNSET


_DECODE = msgspec.json.Decoder(_Message).decode


def said_by(message: str | bytes) -> Said:
    """Return what a client says.

    Raises:
        InvalidParameter: When that cannot be understood; the message is for the client.
    """
    try:
        said = _DECODE(message)
    except msgspec.ValidationError as error:
        raise InvalidParameter(f"Invalid message: {error}"[:_MOST_TOLD]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidParameter("Invalid message format") from None
    kind, name = said.type, said.subscription_id
    if kind == "ping":
        return Ping()
    if kind == "subscribe:marketplace":
        return Other("marketplace")
    if kind not in {"subscribe:job", "subscribe:provider", "unsubscribe"}:
        raise InvalidParameter(f"Unknown message type: send {_WHAT}")
    if not name or len(name.removeprefix(PREFIX)) > ID_CHARACTERS:
        raise InvalidParameter(
            f"Invalid message: subscriptionId is a text of 1 to {ID_CHARACTERS} characters"
        )
    if kind == "unsubscribe":
        return Unsubscribe(name)
    if kind == "subscribe:provider":
        return Other(f"provider:{name}")
    if said.since is not None and not 0 <= said.since <= MOST_NUMBER:
        raise InvalidParameter("Invalid message: since is the seq of a frame")
    return Subscribe(name, said.since, said.epoch)


def subscription_of(job_id: str) -> str:
    """Return what the following of a job is called."""
    return f"{PREFIX}{job_id}"


def connected(client: str, timestamp: str) -> bytes:
    """Return what a client is told first."""
    return _encoded("connected", {"clientId": client, "timestamp": timestamp})


def subscribed(
    subscription: str, *, epoch: str | None = None, seq: int = 0, recovered: bool = False
) -> bytes:
    """Return that a client follows something.

    Args:
        subscription: What.
        epoch: Of which story; None = there is none yet.
        seq: The number of its last frame.
        recovered: Whether all that the client has missed comes next.
    """
    told = UNSET if epoch is None else epoch
    return _encoded("subscribed", _Subscribed(subscription, seq, recovered, told))


def unsubscribed(subscription: str) -> bytes:
    """Return that a client follows something no more."""
    return _encoded("unsubscribed", {"subscription": subscription})


def pong() -> bytes:
    """Return that somebody is there."""
    return b'{"type":"pong"}'


def failure(message: str) -> bytes:
    """Return that something is wrong."""
    return _encoded("error", {"message": message})


def _encoded(kind: str, data: Any) -> bytes:
    return msgspec.json.encode({"type": kind, "data": data})
