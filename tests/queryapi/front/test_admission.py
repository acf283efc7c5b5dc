"""Whoever guesses is slowed down; whoever is known is not hindered from elsewhere."""

import pytest

from queryapi.access.policy import Permission
from queryapi.errors import RateLimited, Unauthenticated
from queryapi.front import admission
from queryapi.front.admission import Admission, Turnstile
from queryapi.settings import Api, Limits
from tests.support.fake_prometheus import Clock
from tests.support.gated import GOOD, PATH, Bucket, Doorman, gated

BAD = {"Authorization": "Bearer bad"}
FOREIGN = {"Authorization": "Bearer foreign"}


def test_failures_are_charged_to_the_address() -> None:
    """After so many of them others from there are answered as too many for a while."""
    bucket = Bucket(2)
    found = gated(limiter=bucket)
    guesses = [found.http.get(PATH, headers=BAD) for _ in range(4)]

    assert [401, 401, 429, 429] == [answer.status_code for answer in guesses]
    assert "3" == guesses[-1].headers["Retry-After"]
    # What is refused is not counted anew.
    assert 3 == len(bucket.taken)

    found.clock.now += 2.5
    found.http.get(PATH, headers=BAD)

    assert 4 == len(bucket.taken)


def test_a_guesser_shuts_out_nobody_who_shares_its_address() -> None:
    """Behind one proxy or translated address, a known caller is let in while another guesses."""
    found = gated(limiter=Bucket(2))
    for _ in range(4):
        found.http.get(PATH, headers=BAD)

    assert 200 == found.http.get(PATH, headers=GOOD).status_code


def test_a_guesser_makes_nobody_else_work() -> None:
    """While an address fails too often, no credential from there is shown to whoever judges it."""
    guard = Doorman()
    found = gated(guard=guard, limiter=Bucket(2))
    for _ in range(3):
        found.http.get(PATH, headers=FOREIGN)
    asked = len(guard.asked)
    late = [found.http.get(path, headers=FOREIGN) for path in (PATH, "/readyz")]

    assert [429, 200] == [answer.status_code for answer in late]
    assert asked == len(guard.asked)

    found.clock.now += 2.5
    found.http.get(PATH, headers=FOREIGN)

    assert asked + 1 == len(guard.asked)


def test_others_are_not_hindered() -> None:
    """The next address may still try."""
    found = gated(limiter=Bucket(1))
    for _ in range(2):
        found.http.get(PATH, headers=BAD)
    elsewhere = {"REMOTE_ADDR": "192.0.2.9"}

    assert 200 == found.http.get(PATH, headers=GOOD, environ_base=elsewhere).status_code


def test_an_open_route_cannot_be_used_to_guess() -> None:
    """`/readyz` answers everybody, and what fails there is charged as elsewhere."""
    found = gated(limiter=Bucket(2))
    statuses = {found.http.get("/readyz", headers=BAD).status_code for _ in range(6)}

    assert {200} == statuses
    assert 429 == found.http.get(PATH, headers=BAD).status_code


def test_no_credential_is_no_guess_at_an_open_route() -> None:
    """A prober without a token costs nobody anything."""
    bucket = Bucket(0)
    found = gated(limiter=bucket)

    assert {200} == {found.http.get("/readyz").status_code for _ in range(3)}
    assert [] == bucket.taken


def test_what_is_remembered_of_guessers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest makes room."""
    monkeypatch.setattr(admission, "_GUESSERS_KEPT", 2)
    door = Admission(Doorman(), Turnstile(Bucket(0), Limits()), Clock())
    for last in "123":
        with pytest.raises(RateLimited):
            door.admit("x", Api.REALTIME, Permission.READ, address=f"192.0.2.{last}")

    assert ["address:192.0.2.2", "address:192.0.2.3"] == list(door._closed_until)


def test_without_limits_guessing_is_only_refused() -> None:
    """No limit configured: every failure is 401."""
    door = Admission(Doorman(), Turnstile(None, Limits(per_minute=0)), Clock())
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            door.admit("x", Api.REALTIME, Permission.READ, address="192.0.2.1")
