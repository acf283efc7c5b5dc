"""An issuer's keys are there when they are needed, however the issuer fares."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from queryapi.access import jwks
from queryapi.access.asking import Asking
from queryapi.access.jwks import Keys
from queryapi.errors import AuthenticatorUnavailable
from queryapi.outbound.transport import HttpTransport
from queryapi.settings import Oidc
from queryapi.telemetry.metrics import Metrics
from tests.support import issuer
from tests.support.access import up
from tests.support.fake_prometheus import Clock
from tests.support.issuer import AUDIENCE, Issuer, public

DISCOVERY = "/.well-known/openid-configuration"


class Held:
    """Keys, their issuer and the time."""

    def __init__(self, source: Issuer, **settings: Any) -> None:
        self.source, self.clock, self.metrics = source, Clock(), Metrics("0")
        asking = Asking("the issuer", HttpTransport(connect=2))
        oidc = Oidc(source.url, AUDIENCE, **settings)
        self.keys = Keys(oidc, asking, metrics=self.metrics.judging, clock=self.clock)

    def find(self, kid: str | None) -> list[str]:
        """Return the names of the keys that are found."""
        return [key["kid"] for key in self.keys.find(kid)]

    def settle(self) -> None:
        """Wait until the keys that are being read have been read."""
        reading = self.keys._reading
        assert reading is not None
        reading.result(20)


@pytest.fixture
def source() -> Iterator[Issuer]:
    """An issuer."""
    with issuer.running() as running:
        yield running


@pytest.fixture
def held(source: Issuer) -> Iterator[Held]:
    """Its keys."""
    made = Held(source)
    yield made
    made.keys.close()


def test_keys_are_read_once_for_everybody(held: Held) -> None:
    """The first callers wait for one reading; the next ones for none."""
    with ThreadPoolExecutor(8) as callers:
        found = list(callers.map(held.find, ["one"] * 8))

    assert [["one"]] * 8 == found
    assert [DISCOVERY, "/keys"] == held.source.asked
    assert up(held.metrics, "oidc")


def test_a_reading_that_ends_just_now_counts(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looked for a key right before it came is not told that it is unknown."""
    refresh = held.keys.refresh

    def overtaken() -> Future[None] | None:
        refresh()
        held.settle()
        return refresh()

    monkeypatch.setattr(held.keys, "refresh", overtaken)

    assert ["one"] == held.find("one")
    assert [DISCOVERY, "/keys"] == held.source.asked


def test_keys_may_be_named_without_discovery(source: Issuer) -> None:
    """`jwks_url` is asked instead."""
    held = Held(source, jwks_url=f"{source.url}/keys")

    assert ["one"] == held.find("one")
    assert ["/keys"] == source.asked
    held.keys.close()


def test_a_new_key_is_read_at_once_but_not_all_the_time(held: Held) -> None:
    """A token that names a new key is good; made-up names make no flood of questions."""
    held.find("one")
    held.source.keys = [public("two")]
    held.clock.now += 11

    assert ["two"] == held.find("two")
    asked = len(held.source.asked)
    for name in range(50):
        assert [] == held.find(f"made-up-{name}")
    assert asked == len(held.source.asked)


def test_keys_are_read_again_while_nobody_waits(held: Held) -> None:
    """After 5 minutes the next caller starts a reading and goes on with what is there."""
    held.find("one")
    held.source.keys = [public("two")]
    held.source.gate.clear()
    held.clock.now += 300

    assert ["one"] == held.find("one")
    held.source.gate.set()
    held.settle()
    assert ["two"] == held.find(None)


def test_known_keys_outlive_an_outage_by_a_day(held: Held) -> None:
    """After that nobody can tell whether they are still good; once it is back, all is well."""
    held.find("one")
    held.source.fail()
    held.clock.now += 23 * 3600

    assert ["one"] == held.find("one")
    held.settle()
    assert not up(held.metrics, "oidc")
    held.clock.now += 3600
    with pytest.raises(AuthenticatorUnavailable, match="the issuer: it answered 503"):
        held.find("one")

    held.source.answers.clear()
    held.clock.now += 10
    assert ["one"] == held.find("one")
    assert up(held.metrics, "oidc")


def test_without_keys_nobody_is_judged(held: Held) -> None:
    """An issuer that is down from the start is not its callers' fault; it is asked again soon."""
    held.source.fail()
    with pytest.raises(AuthenticatorUnavailable) as failure:
        held.find("one")
    with pytest.raises(AuthenticatorUnavailable):
        held.find("one")
    asked = len(held.source.asked)
    held.source.answers.clear()
    held.clock.now += 10

    assert 1 == failure.value.retry_after
    assert 1 == asked
    assert ["one"] == held.find("one")


def test_an_unknown_key_during_an_outage_is_nobodys_fault(held: Held) -> None:
    """It may be a new one that could not be read yet."""
    held.find("one")
    held.source.fail()
    held.clock.now += 10

    with pytest.raises(AuthenticatorUnavailable):
        held.find("two")
    assert ["one"] == held.find("one")


def test_a_slow_issuer_never_holds_all_threads(held: Held) -> None:
    """Eight may wait; the others are turned away at once."""
    held.source.gate.clear()
    with ExitStack() as waiting:
        for _ in range(8):
            waiting.enter_context(held.keys._places.taken())
        with pytest.raises(AuthenticatorUnavailable, match="too many wait for the issuer"):
            held.find("one")

    held.source.gate.set()
    assert ["one"] == held.find("one")


def test_nobody_waits_for_ever(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever's patience ends while the issuer is silent is told to come back."""
    monkeypatch.setattr(jwks, "PATIENCE_SECONDS", -1)
    held.source.gate.clear()

    with pytest.raises(AuthenticatorUnavailable, match="no keys yet"):
        held.find("one")


def test_a_defect_of_ours_is_told(
    held: Held, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing that goes wrong while nobody waits goes unseen."""

    def broken(_: str) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(jwks, "reads_safely", broken)
    with pytest.raises(AuthenticatorUnavailable, match="a defect of ours; the log has it"):
        held.find("one")

    assert "reading the keys failed" in caplog.text


@pytest.mark.parametrize(
    ("path", "status", "body", "expected"),
    [
        (DISCOVERY, 200, b"<html>", "cannot be understood"),
        (DISCOVERY, 200, b'{"issuer": "https://other", "jwks_uri": "x"}', "another issuer's"),
        (DISCOVERY, 200, b'{"issuer": "\xff"}', "cannot be understood"),
        (DISCOVERY, 404, b"", "it answered 404"),
        (DISCOVERY, 302, b"", "it answered 302"),
        ("/keys", 200, b"[]", "cannot be understood"),
        ("/keys", 200, b"x" * (1024 * 1024 + 1), "more than 1048576 bytes"),
    ],
    ids=["html", "other", "bytes", "missing", "moved", "list", "large"],
)
def test_garbage_is_no_key(
    source: Issuer, path: str, status: int, body: bytes, expected: str
) -> None:
    """What cannot be used is told, with neither addresses nor contents."""
    held = Held(source)
    held.keys._asking = Asking("the issuer", HttpTransport(connect=2, max_bytes=1024 * 1024))
    source.answers[path] = (status, body)

    with pytest.raises(AuthenticatorUnavailable, match=expected) as failure:
        held.find("one")
    assert source.url not in str(failure.value)
    held.keys.close()


def test_keys_are_not_read_where_anybody_could_change_them(held: Held) -> None:
    """A discovery document cannot lead to plain HTTP on another machine."""
    body = f'{{"issuer": "{held.source.url}", "jwks_uri": "http://10.0.0.1/keys"}}'
    held.source.answers[DISCOVERY] = (200, body.encode())

    with pytest.raises(AuthenticatorUnavailable, match="keys that are not on https"):
        held.find("one")
