"""Whoever is connected is judged again and again."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from queryapi.access.policy import Permission
from queryapi.access.principal import NOBODY, Principal, Scope
from queryapi.errors import AuthenticatorUnavailable, NotPermitted, Unauthenticated
from queryapi.front.admission import Admission, Turnstile
from queryapi.gateway.judge import Judge
from queryapi.gateway.session import Caller, Session
from queryapi.gateway.sessions import Sessions
from queryapi.settings import Api, Limits, Role
from queryapi.telemetry.metrics import StreamMetrics
from tests.queryapi.gateway.test_session import Wire

_A = Principal("token:a", Role.VIEWER)


@dataclass(slots=True)
class Doorman:
    """A guard that knows everybody as *known*, or raises it; it asks others of foreign tokens."""

    known: Principal | Exception
    asked: list[str | None] = field(default_factory=list)

    def admit(self, authorization: str | None, api: Api | None, needs: Permission) -> Principal:
        """Tell who asks."""
        assert (api, needs) == (Api.HEALTH, Permission.READ)
        self.asked.append(authorization)
        if isinstance(self.known, Exception):
            raise self.known
        return self.known

    def identify(self, authorization: str | None) -> Principal:
        """Tell nothing."""
        del authorization
        return NOBODY

    def asks(self, authorization: str) -> bool:
        """Tell whether somebody else is asked."""
        return "foreign" in authorization

    def close(self) -> None:
        """Close nothing."""


class _OverError(Exception):
    """The one round that a test is about is over."""


def _told(
    guard: Doorman, credentials: list[str | None], act: Callable[[Sessions, Session], object]
) -> list[list[int]]:
    """Return with which codes sessions with these credentials are closed, after one round."""
    rounds = iter([1])

    async def sleep(_seconds: float) -> None:
        if next(rounds, None) is None:
            raise _OverError

    async def run() -> list[list[int]]:
        with ThreadPoolExecutor(1) as executor:
            admission = Admission(guard, Turnstile(None, Limits()))
            sessions = Sessions(Judge(guard, admission, executor), patience=30, every=0.01)
            metrics, wires = StreamMetrics("0").streaming, [Wire() for _ in credentials]
            callers = [Caller(_A, each, Api.HEALTH, "127.0.0.1") for each in credentials]
            held = [
                Session(wire, caller, metrics=metrics, clock=sessions.clock)
                for wire, caller in zip(wires, callers, strict=True)
            ]
            for session in held:
                sessions.add(session)
            result = act(sessions, held[-1])
            assert asyncio.iscoroutine(result)
            with suppress(_OverError):
                await result
            return [wire.codes for wire in wires]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("queryapi.gateway.sessions.asyncio", SimpleNamespace(sleep=sleep))
        return asyncio.run(run())


def _again(sessions: Sessions, _: Session) -> object:
    return sessions.judge_again()


@pytest.mark.parametrize(
    ("codes", "known"),
    [
        ([], _A),
        ([1008], Unauthenticated("")),
        ([1008], NotPermitted("")),
        ([1013], AuthenticatorUnavailable("")),
        ([1013], RuntimeError("a defect")),
        ([1008], Principal("token:a", Role.VIEWER, Scope(frozenset({"b"})))),
        ([1008], Principal("token:a", Role.ADMIN)),
    ],
)
def test_who_is_not_who_they_were_is_closed(codes: list[int], known: Principal | Exception) -> None:
    """1008 when the token is refused or means something else, 1013 when nobody can tell."""
    assert [codes] == _told(Doorman(known), ["Bearer a"], _again)
    assert [codes] == _told(Doorman(known), ["Bearer foreign"], _again)


def test_each_credential_is_judged_once_a_round() -> None:
    """A hundred connections of one token cost one judgement, those without a token none."""
    guard = Doorman(Unauthenticated(""))
    told = _told(guard, ["Bearer a"] * 50 + [None] * 50, _again)

    assert [[1008]] * 50 + [[]] * 50 == told
    assert ["Bearer a"] == guard.asked


def test_a_defect_leaves_nobody_unjudged() -> None:
    """When one judgement fails in a way that nobody expected, the others are made all the same."""
    told = _told(Doorman(RuntimeError("a defect")), ["Bearer a", "Bearer b"], _again)

    assert [[1013], [1013]] == told


def test_one_caller_can_be_doubted() -> None:
    """Only that one is judged."""
    guard = Doorman(Unauthenticated(""))
    told = _told(guard, ["Bearer a", "Bearer b"], lambda sessions, last: sessions.doubt(last))

    assert [[], [1008]] == told
    assert ["Bearer b"] == guard.asked


class _Knot(Wire):
    """A connection that refers to itself, as those of websockets do."""

    def __init__(self) -> None:
        super().__init__()
        self.itself = self


def _come_and_go(sessions: Sessions) -> "weakref.ref[_Knot]":
    wire, metrics = _Knot(), StreamMetrics("0").streaming
    caller = Caller(_A, None, Api.HEALTH, "127.0.0.1")
    session = Session(wire, caller, metrics=metrics, clock=sessions.clock)
    sessions.add(session)
    sessions.discard(session)
    return weakref.ref(wire)


def test_nothing_is_kept_of_crowds_that_are_gone() -> None:
    """They are cleared up after when they are many, however seldom Python does so by itself."""

    async def run() -> int:
        doorman = Doorman(_A)
        with ThreadPoolExecutor(1) as executor:
            admission = Admission(doorman, Turnstile(None, Limits()))
            sessions = Sessions(Judge(doorman, admission, executor), patience=0.01, every=30)
            gone = [_come_and_go(sessions) for _ in range(500)]
            watching = asyncio.create_task(sessions.watch())
            await asyncio.sleep(0.1)
            watching.cancel()
            return sum(one() is not None for one in gone)

    gc.disable()
    try:
        assert 0 == asyncio.run(run())
    finally:
        gc.enable()
