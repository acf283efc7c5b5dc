"""Tokens in a file are good as long as the file says so."""

import logging
import threading
from pathlib import Path

import pytest

from queryapi.access.credential import digest_of
from queryapi.access.followed import FileAuthenticator
from queryapi.access.principal import Principal, Scope
from queryapi.errors import AuthenticatorUnavailable, Unauthenticated
from queryapi.settings import Role
from queryapi.telemetry.metrics import Metrics
from tests.support.access import issue, revoke, up
from tests.support.fake_prometheus import Clock


class Followed:
    """A file, its authenticator and the time."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock, self.metrics = path, Clock(), Metrics("0")
        self.text = issue(path, Role.VIEWER, name="ann")
        self.authenticator = FileAuthenticator(path, metrics=self.metrics.judging, clock=self.clock)

    def judge(self, text: str = "") -> Principal:
        """Judge a token, by default the one that is in the file."""
        text = text or self.text
        return self.authenticator.judge(text, digest_of(text)).principal


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    """A file with one token."""
    return Followed(tmp_path / "tokens")


def test_a_token_has_name_role_and_limits(followed: Followed) -> None:
    """What was said when it was made."""
    limited = issue(followed.path, Role.WORKER, name="bob", clusters=("a", "b"), namespaces=("ml",))
    followed.clock.now += 1

    assert Principal("token:ann", Role.VIEWER) == followed.judge()
    assert Principal(
        "token:bob", Role.WORKER, Scope(frozenset({"a", "b"}), frozenset({"ml"}))
    ) == followed.judge(limited)


def test_a_revoked_token_is_out_after_a_second(followed: Followed) -> None:
    """The service follows its file without a restart; a new token is in as soon."""
    followed.judge()
    revoke(followed.path, followed.text)
    new = issue(followed.path, Role.ADMIN)
    followed.clock.now += 1

    assert Role.ADMIN == followed.judge(new).role
    with pytest.raises(Unauthenticated):
        followed.judge()


def test_an_expired_token_is_refused(followed: Followed) -> None:
    """From the very second on that it was made to end at."""
    text = issue(followed.path, Role.VIEWER, expires=1010)
    followed.clock.now = 1009

    followed.judge(text)
    followed.clock.now = 1010
    with pytest.raises(Unauthenticated):
        followed.judge(text)


def test_a_token_that_is_nearly_right_is_wrong(followed: Followed) -> None:
    """One character decides, and the refusal does not say which."""
    text = followed.text
    secret = text.rpartition("_")[2]
    for wrong in (
        text[:-1] + ("0" if text[-1] != "0" else "1"),
        text[:-1],
        text + "0",
        text.replace("gpuscope_", "gpuscope_0"),
        f"gpuscope_000000000000_{secret}",
        "gpuscope_",
    ):
        with pytest.raises(Unauthenticated, match="not valid: it may be mistyped") as refusal:
            followed.judge(wrong)
        assert 'Bearer realm="gpuscope", error="invalid_token"' == refusal.value.challenge


@pytest.mark.parametrize("broken", [True, False])
def test_a_broken_file_keeps_good_tokens_for_a_minute(
    followed: Followed,
    broken: bool,  # noqa: FBT001
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An editor's slip locks nobody out at once; deleting the file does not keep them in."""
    kept = followed.path.read_bytes()
    if broken:
        followed.path.write_text("{")
    else:
        followed.path.unlink()
    with caplog.at_level(logging.INFO):
        for second in range(1, 61):
            followed.clock.now = 1000 + second
            followed.judge()
        assert not up(followed.metrics, "tokens")
        followed.clock.now = 1061
        with pytest.raises(AuthenticatorUnavailable, match="the file of tokens cannot be read"):
            followed.judge()

        followed.path.write_bytes(kept)
        followed.clock.now = 1062
        followed.judge()

    assert up(followed.metrics, "tokens")
    assert ["ERROR", "INFO"] == [record.levelname for record in caplog.records]
    assert "then nobody is admitted by one" in caplog.text


def test_after_a_long_silence_the_file_is_read_before_anybody_is_judged(
    followed: Followed,
) -> None:
    """Callers that come together after an hour are all judged by what it says by then."""
    followed.clock.now += 3600
    found: list[Principal] = []
    threads = [threading.Thread(target=lambda: found.append(followed.judge())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert [Principal("token:ann", Role.VIEWER)] * 8 == found


def test_while_one_reads_the_others_go_on(followed: Followed) -> None:
    """A slow disk costs one caller, not all."""
    followed.clock.now += 1
    with followed.authenticator._lock:
        assert "token:ann" == followed.judge().name


def test_a_process_born_while_the_file_is_broken_judges_nobody_until_it_is_not(
    tmp_path: Path,
) -> None:
    """It comes up all the same, says why it cannot tell, and finds the file when it is back."""
    path, clock, metrics = tmp_path / "tokens", Clock(), Metrics("0")
    text = issue(path, Role.VIEWER, name="ann")
    kept = path.read_bytes()
    path.write_text("{")
    authenticator = FileAuthenticator(path, metrics=metrics.judging, clock=clock)

    with pytest.raises(AuthenticatorUnavailable, match="the file of tokens cannot be read"):
        authenticator.judge(text, digest_of(text))
    assert not up(metrics, "tokens")

    path.write_bytes(kept)
    clock.now += 1
    assert "token:ann" == authenticator.judge(text, digest_of(text)).principal.name
    assert up(metrics, "tokens")
