"""Asks the HTTP service what clients are sent: the gateway knows nothing by itself."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from queryapi.gateway.session import Caller
from queryapi.outbound.transport import ExchangeFailed, Reply, Request, Transport
from queryapi.telemetry.logs import fields
from queryapi.telemetry.streaming import PollOutcome, Streaming

_LOG = logging.getLogger(__name__)
MOST_BYTES = 1024 * 1024
"""Bytes of an answer, and so of a message."""
_TOLD_LENGTH = 200
_DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class _Refusal(msgspec.Struct):
    error: str


@dataclass(frozen=True, slots=True)
class PollResult:
    """What came of a question.

    Args:
        outcome: How it went.
        message: What clients are sent: the answer as it is, or an object with `error`.
        final: Whether asking the same again is of no use.
    """

    outcome: PollOutcome
    message: bytes
    final: bool = False


def failure(text: str) -> bytes:
    """Return the message that tells of a failure."""
    return msgspec.json.encode(_Refusal(text[:_TOLD_LENGTH]))


_FAILED = PollResult("failed", failure("the service gave no answer; the next message may have one"))
_LIMITED = PollResult("limited", failure("Too many requests"))
_DENIAL = PollResult("denied", failure("the service did not accept the token"))


def told_by(reply: Reply) -> PollResult:
    """Return what an answer of the HTTP service means to clients."""
    if reply.status == HTTPStatus.OK:
        return PollResult("answered", reply.body)
    if reply.status in _DENIED:
        return _DENIAL
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _LIMITED
    if HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return PollResult("rejected", failure(_refusal(reply.body)), final=_is_final(reply))
    return _FAILED


def _is_final(reply: Reply) -> bool:
    # What is not there now may be there later.
    return reply.status == HTTPStatus.BAD_REQUEST


class Service:
    """The HTTP service of the same settings.

    Args:
        url: Where it listens.
        transport: Carries the questions.
        executor: Threads that wait for answers.
        patience: Seconds that an answer may take.
        metrics: Counts questions.
    """

    def __init__(
        self,
        url: str,
        transport: Transport,
        executor: Executor,
        *,
        patience: float,
        metrics: Streaming,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._transport = transport
        self._executor = executor
        self._patience = patience
        self._metrics = metrics
        self._clock = clock
        self._failing = False

    async def ask(self, target: str, caller: Caller) -> PollResult:
        """Send one GET.

        Args:
            target: Path and query.
            caller: Whose eyes to see with, and whose limit it costs.
        """
        began = self._clock()
        headers = {
            "Accept": "application/json",
            "User-Agent": "gpuscope-stream",
            # Believed where trusted_proxies names us.
            "X-Forwarded-For": caller.address,
        }
        if caller.authorization is not None:
            headers["Authorization"] = caller.authorization
        request = Request("GET", self._url + target, headers)
        loop = asyncio.get_running_loop()
        try:
            # Whoever waits for a thread waits in the same time.
            reply = await loop.run_in_executor(
                self._executor, self._transport.exchange, request, began + self._patience
            )
            told, why = told_by(reply), f"HTTP {reply.status}"
        except ExchangeFailed as error:
            told, why = _FAILED, str(error)
        self._metrics.poll(told.outcome, self._clock() - began)
        self._log(failing=told.outcome == "failed", why=why)
        return told

    def _log(self, *, failing: bool, why: str) -> None:
        """Log a line when the service begins to fail, and one when it answers again."""
        was, self._failing = self._failing, failing
        if failing and not was:
            _LOG.warning(
                "the HTTP service gives no answer: clients are told so", extra=fields(detail=why)
            )
        elif was and not failing:
            _LOG.info("the HTTP service answers again")


def _refusal(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "the service does not know this question"
