"""Tokens of Kubernetes are good when the API server says so, lately; it is not asked too much."""

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from demo.kubernetes.access import User
from queryapi.access import review as reviews
from queryapi.access.asking import Asking
from queryapi.access.credential import digest_of
from queryapi.access.principal import NOBODY, Principal, Scope
from queryapi.access.review import ReviewAuthenticator, Reviewer
from queryapi.access.verdict import Verdict
from queryapi.errors import AuthenticatorUnavailable, Unauthenticated
from queryapi.outbound.transport import HttpTransport, Reply, Request
from queryapi.settings import Grant, Role, TokenReview
from queryapi.telemetry.metrics import Metrics
from tests.support import apiserver
from tests.support.access import up
from tests.support.apiserver import Cluster
from tests.support.fake_prometheus import Clock

OWN = "own-token"
ANN = "system:serviceaccount:ml:ann"
_GRANTS = (
    Grant("ops", Role.OPERATOR, clusters=("a",)),
    Grant(ANN, Role.WORKER, claim="user"),
)


def verdict(authenticator: ReviewAuthenticator, token: str) -> Verdict:
    """Judge a token."""
    return authenticator.judge(token, digest_of(token))


class Reviewed:
    """An API server, an authenticator that asks it, and the time."""

    def __init__(self, cluster: Cluster, folder: Path, **settings: Any) -> None:
        self.cluster, self.clock, self.metrics = cluster, Clock(), Metrics("0")
        self.own = folder / "token"
        self.own.write_text(f"{OWN}\n")
        review = TokenReview(
            _GRANTS, server=cluster.url, ca_file=None, token_file=str(self.own), **settings
        )
        asking = Asking("the API server", HttpTransport(connect=2))
        self.authenticator = ReviewAuthenticator(
            Reviewer(review, asking, clock=self.clock),
            metrics=self.metrics.judging,
            clock=self.clock,
        )

    def judge(self, token: str) -> Principal:
        """Return whose a token is."""
        return verdict(self.authenticator, token).principal

    @property
    def asked(self) -> int:
        """How many reviews the server was asked for."""
        return len(self.cluster.seen("create", "tokenreviews"))

    def fail(self, status: int = 503) -> None:
        """Answer every review with a failure from now on."""
        self.cluster.plan("fail", resource="tokenreviews", count=1000, status=status)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """An API server that knows us and two others."""
    with apiserver.running(tokens=[OWN]) as running:
        running.enrol(
            ann=User(ANN, ("system:serviceaccounts", "system:authenticated")),
            bob=User("bob", ("ops", "x")),
            eve=User("eve", ()),
            other=User("bob", ("ops",), audiences=("gpuscope", "b")),
        )
        yield running


@pytest.fixture
def reviewed(cluster: Cluster, tmp_path: Path) -> Iterator[Reviewed]:
    """Its tokens' judge."""
    made = Reviewed(cluster, tmp_path)
    yield made
    made.authenticator.close()


def test_users_and_groups_are_granted_roles(reviewed: Reviewed) -> None:
    """By a group, by a name, or not at all."""
    assert [
        Principal("kubernetes:bob", Role.OPERATOR, Scope(frozenset({"a"}), None)),
        Principal(f"kubernetes:{ANN}", Role.WORKER),
        Principal("kubernetes:eve", None, NOBODY.scope),
    ] == [reviewed.judge(token) for token in ("bob", "ann", "eve")]
    assert up(reviewed.metrics, "review")


def test_a_wrong_token_is_refused(reviewed: Reviewed) -> None:
    """For 10 s without asking again; then it may have become a good one."""
    for _ in range(3):
        with pytest.raises(Unauthenticated, match="not valid"):
            reviewed.judge("new")
    assert 1 == reviewed.asked

    reviewed.cluster.enrol(new=User("bob", ("ops",)))
    reviewed.clock.now += 10
    assert "kubernetes:bob" == reviewed.judge("new").name


def test_a_good_token_is_good_for_a_minute(reviewed: Reviewed) -> None:
    """Then the server is asked again, and may say no by then."""
    assert 1060 == verdict(reviewed.authenticator, "bob").until
    reviewed.cluster.enrol()
    reviewed.clock.now += 59
    reviewed.judge("bob")
    assert 1 == reviewed.asked

    reviewed.clock.now += 1
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            reviewed.judge("bob")
    assert 2 == reviewed.asked


def test_a_token_that_says_when_it_ends_ends_then(reviewed: Reviewed) -> None:
    """A service account's token is not good beyond its own end, outage or not."""
    payload = base64.urlsafe_b64encode(json.dumps({"exp": 1030}).encode()).decode().rstrip("=")
    token = f"x.{payload}.y"
    reviewed.cluster.enrol(**{token: User("bob", ("ops",))})

    assert 1030 == verdict(reviewed.authenticator, token).until
    reviewed.fail()
    reviewed.clock.now = 1030
    with pytest.raises(AuthenticatorUnavailable):
        reviewed.judge(token)


def test_audiences_are_held_to(cluster: Cluster, tmp_path: Path) -> None:
    """A token for somebody else is refused, also one that is for the server only."""
    reviewed = Reviewed(cluster, tmp_path, audiences=("gpuscope",))

    assert "kubernetes:bob" == reviewed.judge("other").name
    with pytest.raises(Unauthenticated):
        reviewed.judge("bob")
    reviewed.authenticator.close()


def test_a_server_that_knows_no_audiences_is_not_believed(tmp_path: Path) -> None:
    """An answer without audiences does not vouch for any."""
    (tmp_path / "token").write_text(OWN)

    class Plain:
        def exchange(self, request: Request, deadline: float) -> Reply:
            assert request.body is not None
            assert b'"audiences":["gpuscope"]' in request.body
            return Reply(201, b'{"status":{"authenticated":true,"user":{"username":"bob"}}}')

        def close(self) -> None:
            """Hold nothing."""

    review = TokenReview(
        _GRANTS, token_file=str(tmp_path / "token"), audiences=("gpuscope",), server="https://x"
    )
    clock = Clock()
    reviewer = Reviewer(review, Asking("the API server", Plain()), clock=clock)
    authenticator = ReviewAuthenticator(reviewer, metrics=Metrics("0").judging, clock=clock)

    with pytest.raises(Unauthenticated):
        verdict(authenticator, "bob")


def test_good_tokens_outlive_an_outage_by_five_minutes(
    reviewed: Reviewed, caplog: pytest.LogCaptureFixture
) -> None:
    """The server is asked every other second meanwhile, and told to be down once."""
    reviewed.judge("bob")
    reviewed.fail()
    for second in range(60, 300):
        reviewed.clock.now = 1000 + second
        for _ in range(3):
            reviewed.judge("bob")

    assert not up(reviewed.metrics, "review")
    assert 1 + 240 / 2 == reviewed.asked
    assert 1 == len([record for record in caplog.records if record.levelname == "ERROR"])
    reviewed.clock.now = 1300
    with pytest.raises(AuthenticatorUnavailable, match="it answered 503"):
        reviewed.judge("bob")

    reviewed.cluster.forgive()
    reviewed.clock.now = 1302
    assert "kubernetes:bob" == reviewed.judge("bob").name
    assert up(reviewed.metrics, "review")


def test_an_unknown_token_during_an_outage_is_not_called_wrong(reviewed: Reviewed) -> None:
    """Its bearer is told to come back, and the server is left alone."""
    reviewed.fail()
    for token in ("bob", "ann", "eve"):
        with pytest.raises(AuthenticatorUnavailable, match="it answered 503"):
            reviewed.judge(token)

    assert 1 == reviewed.asked


def test_made_up_tokens_make_no_flood_of_reviews(reviewed: Reviewed) -> None:
    """Ten a second are asked for; good tokens that are known go on."""
    reviewed.judge("bob")
    outcomes: list[type[BaseException]] = []
    said = ""
    for number in range(100):
        with pytest.raises((Unauthenticated, AuthenticatorUnavailable)) as failure:
            reviewed.judge(f"made-up-{number}")
        outcomes.append(failure.type)
        said = str(failure.value)

    assert [Unauthenticated] * 9 + [AuthenticatorUnavailable] * 91 == outcomes
    assert "too many were sent that nobody has seen before" in said
    reviewed.clock.now += 60
    assert "kubernetes:bob" == reviewed.judge("bob").name
    assert 11 == reviewed.asked
    assert "kubernetes:eve" == reviewed.judge("eve").name


def test_one_token_is_reviewed_once_at_a_time(reviewed: Reviewed) -> None:
    """Callers with the same token wait for one review together."""
    reviewed.cluster.plan("delay", resource="tokenreviews", seconds=0.3)
    with ThreadPoolExecutor(6) as callers:
        found = set(callers.map(reviewed.judge, ["bob"] * 6))

    assert {"kubernetes:bob"} == {principal.name for principal in found}
    assert 1 == reviewed.asked


class Slow:
    """A transport that answers when it is told to."""

    def __init__(self) -> None:
        self.gate, self.begun = threading.Event(), threading.Event()
        self.answer = Reply(201, b'{"status":{"authenticated":true,"user":{"username":"bob"}}}')

    def exchange(self, request: Request, deadline: float) -> Reply:
        """Wait, then answer."""
        self.begun.set()
        assert self.gate.wait(20)
        return self.answer

    def close(self) -> None:
        """Hold nothing."""


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[Slow, ReviewAuthenticator, Clock]]:
    """A judge whose server takes its time."""
    (tmp_path / "token").write_text(OWN)
    review = TokenReview(_GRANTS, token_file=str(tmp_path / "token"))
    transport, clock = Slow(), Clock()
    reviewer = Reviewer(review, Asking("the API server", transport), clock=clock)
    yield transport, ReviewAuthenticator(reviewer, metrics=Metrics("0").judging, clock=clock), clock
    transport.gate.set()


def test_while_a_known_token_is_reviewed_again_its_bearers_go_on(
    slow: tuple[Slow, ReviewAuthenticator, Clock],
) -> None:
    """Only the one who asks waits."""
    transport, authenticator, clock = slow
    transport.gate.set()
    verdict(authenticator, "bob")
    transport.gate.clear()
    transport.begun.clear()
    clock.now += 60
    with ThreadPoolExecutor(1) as asker:
        asking = asker.submit(verdict, authenticator, "bob")
        assert transport.begun.wait(20)

        assert "kubernetes:bob" == verdict(authenticator, "bob").principal.name
        transport.gate.set()
        assert 1120 == asking.result(20).until


def test_nobody_waits_for_ever(
    slow: tuple[Slow, ReviewAuthenticator, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever's patience ends while another's review is under way is told to come back."""
    transport, authenticator, _ = slow
    monkeypatch.setattr(reviews, "PATIENCE_SECONDS", -1)
    with ThreadPoolExecutor(1) as asker:
        asking = asker.submit(verdict, authenticator, "bob")
        assert transport.begun.wait(20)
        with pytest.raises(AuthenticatorUnavailable):
            verdict(authenticator, "bob")
        transport.gate.set()
        assert "kubernetes:bob" == asking.result(20).principal.name


def test_a_slow_server_never_holds_all_threads(
    slow: tuple[Slow, ReviewAuthenticator, Clock],
) -> None:
    """Eight may wait; the others are turned away at once, and that is no outage."""
    transport, authenticator, _ = slow
    with ExitStack() as waiting:
        for _ in range(8):
            waiting.enter_context(authenticator._places.taken())
        with pytest.raises(AuthenticatorUnavailable, match="too many wait"):
            verdict(authenticator, "bob")

    transport.gate.set()
    assert "kubernetes:bob" == verdict(authenticator, "bob").principal.name


@pytest.mark.parametrize("content", [None, "", "two\nlines", "é"])
def test_without_our_own_token_nobody_is_judged(reviewed: Reviewed, content: str | None) -> None:
    """The log and the caller are told what is missing, the server nothing."""
    if content is None:
        reviewed.own.unlink()
    else:
        reviewed.own.write_text(content)

    with pytest.raises(AuthenticatorUnavailable, match="our own token for it cannot be read"):
        reviewed.judge("bob")
    assert 0 == reviewed.asked


def test_a_renewed_token_of_ours_is_used(reviewed: Reviewed) -> None:
    """The kubelet replaces the file; the next review sends what is in it then."""
    reviewed.cluster.rotate_tokens("renewed")
    with pytest.raises(AuthenticatorUnavailable, match="it answered 401"):
        reviewed.judge("bob")
    reviewed.own.write_text("renewed")
    reviewed.clock.now += 2

    assert "kubernetes:bob" == reviewed.judge("bob").name
