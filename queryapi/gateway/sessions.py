"""All clients that are connected: who is too slow, and who may stay."""

import asyncio
import gc
import logging
import time
from collections import defaultdict
from collections.abc import Iterable

from queryapi.errors import AuthenticatorUnavailable, NotPermitted, Unauthenticated
from queryapi.gateway.codes import POLICY_VIOLATION, TRY_AGAIN_LATER
from queryapi.gateway.judge import Judge
from queryapi.gateway.session import Clock, Session

_LOG = logging.getLogger(__name__)
_UNJUDGED = TRY_AGAIN_LATER, "the token cannot be judged now"
_LOOKS_PER_PATIENCE = 10
_LONGEST_LOOK = 1.0
_WORTH_SWEEPING = 500


class Sessions:
    """The clients of this process.

    Args:
        judge: Tells who may stay.
        patience: Seconds for which a client may take nothing.
        every: Seconds between two judgements of one caller.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        patience: float,
        every: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self.clock = clock
        self._judge = judge
        self._patience = patience
        self._every = every
        self._sessions: set[Session] = set()
        self._gone = 0

    def add(self, session: Session) -> None:
        """Look after *session*."""
        self._sessions.add(session)

    def discard(self, session: Session) -> None:
        """Look after it no more."""
        self._sessions.discard(session)
        self._gone += 1

    def end(self, code: int, reason: str) -> None:
        """Close all."""
        for session in list(self._sessions):
            session.end(code, reason)

    async def watch(self) -> None:
        """Close who takes nothing, and clear up after who is gone; runs until it is cancelled."""
        pause = min(_LONGEST_LOOK, self._patience / _LOOKS_PER_PATIENCE)
        while True:
            await asyncio.sleep(pause)
            for session in list(self._sessions):
                if session.is_stuck(self._patience):
                    session.end(TRY_AGAIN_LATER, "messages were not taken in time")
            self._sweep()

    def _sweep(self) -> None:
        # A connection of websockets is a knot of references: 14 KB stay until Python looks for
        # such, which it may not do before as many have come again.
        if self._gone >= max(_WORTH_SWEEPING, len(self._sessions)):
            self._gone = 0
            gc.collect()

    async def judge_again(self) -> None:
        """Close whose token is taken back or has expired; runs until it is cancelled."""
        while True:
            await asyncio.sleep(self._every)
            # Who comes without a token may what the settings say, which do not change.
            by_credential: dict[tuple[str, str], list[Session]] = defaultdict(list)
            for session in self._sessions:
                if session.caller.authorization is not None:
                    key = session.caller.authorization, session.caller.api
                    by_credential[key].append(session)
            for held in by_credential.values():
                await self._judged(held)

    async def doubt(self, session: Session) -> None:
        """Judge one caller now."""
        await self._judged((session,))

    async def _judged(self, held: Iterable[Session]) -> None:
        """Judge sessions of one credential."""
        sessions = list(held)
        caller = sessions[0].caller
        code, reason = POLICY_VIOLATION, "the token is no longer accepted"
        principal = None
        try:
            principal = await self._judge.again(caller.authorization, caller.api)
            reason = "what the token may see has changed: connect again"
        except (Unauthenticated, NotPermitted):
            pass
        except AuthenticatorUnavailable:
            code, reason = _UNJUDGED
        except Exception:  # noqa: BLE001 - a defect of ours must not leave all others unjudged
            _LOG.exception("a token could not be judged")
            code, reason = _UNJUDGED
        for session in sessions:
            if session.caller.principal != principal:
                session.end(code, reason)
