"""Judges tokens by asking a Kubernetes API server (authentication.k8s.io/v1, TokenReview)."""

import logging
from collections.abc import Callable
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from pathlib import Path

import msgspec

from queryapi.access.asking import PATIENCE_SECONDS, Asking, Places
from queryapi.access.credential import not_valid, stated_by
from queryapi.access.flights import Flights, Pace
from queryapi.access.grants import principal_of
from queryapi.access.principal import Principal
from queryapi.access.verdict import Recent, Verdict
from queryapi.errors import AuthenticatorUnavailable
from queryapi.outbound.transport import Request
from queryapi.settings import TokenReview
from queryapi.telemetry.judging import Judging

_LOG = logging.getLogger(__name__)
_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
_ALLOW_SECONDS, _OUTAGE_SECONDS = 60.0, 300.0
_DENY_SECONDS = 10.0
# After a failure the server is left alone for as long: tokens it knows stay good meanwhile.
_PAUSE_SECONDS = 2.0
_UNKNOWN_PER_SECOND = 10.0
_MOST = 4096


class _User(msgspec.Struct, frozen=True):
    username: str = ""
    groups: tuple[str, ...] | None = None


class _Status(msgspec.Struct):
    authenticated: bool = False
    user: _User = _User()
    audiences: tuple[str, ...] | None = None


class _Reply(msgspec.Struct):
    status: _Status


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the server said: None = not authenticated."""

    principal: Principal | None
    asked: float
    expires: float

    def good(self, now: float, seconds: float) -> bool:
        return abs(now - self.asked) < seconds and now < self.expires


class Reviewer:
    """Has one token reviewed by the API server.

    Args:
        review: Server, audiences and grants.
        asking: Asks the server.
        clock: Unix seconds.
    """

    def __init__(self, review: TokenReview, asking: Asking, *, clock: Callable[[], float]) -> None:
        self._review = review
        self._asking = asking
        self._clock = clock

    def close(self) -> None:
        """Close the connections."""
        self._asking.close()

    def __call__(self, token: str) -> _Judged:
        """Return what the server says of *token*.

        Raises:
            AuthenticatorUnavailable: When it does not say.
        """
        asked = self._clock()
        status = self._asking.ask(self._request(token), _Reply).status
        principal = self._principal(status)
        # The server vouches for a token, so what it says of its own end is true.
        stated = stated_by(token) if principal else None
        ends = stated.exp if stated and stated.exp is not None else float("inf")
        return _Judged(principal, asked, ends)

    def _principal(self, status: _Status) -> Principal | None:
        if not status.authenticated or not status.user.username:
            return None
        wanted = self._review.audiences
        # An authenticator that knows no audiences says nothing of them: not good enough.
        if wanted and not set(wanted) & set(status.audiences or ()):
            return None
        user = status.user
        claims = {"user": user.username, "groups": user.groups or ()}
        return principal_of(f"kubernetes:{user.username}", claims, self._review.grants)

    def _request(self, token: str) -> Request:
        spec: dict[str, object] = {"token": token}
        if self._review.audiences:
            spec["audiences"] = self._review.audiences
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        headers = {
            "Authorization": f"Bearer {self._own_token()}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        url = self._review.server.rstrip("/") + _PATH
        return Request("POST", url, headers, body=msgspec.json.encode(body))

    def _own_token(self) -> str:
        # The kubelet renews it; a review costs more than reading it again.
        try:
            token = Path(self._review.token_file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            token = ""
        if not token or not token.isprintable():
            raise self._asking.failed("our own token for it cannot be read")
        return token


class ReviewAuthenticator:
    """Judges by what the server said lately, so that few requests become reviews.

    A yes is good for 60 s, and for 5 minutes while the server does not answer; a no for 10 s.
    Each token is reviewed once at a time; those never seen before only 10 times a second.

    Args:
        reviewer: Reviews one token.
        metrics: Is told whether the server could be asked.
        clock: Unix seconds.
    """

    def __init__(self, reviewer: Reviewer, *, metrics: Judging, clock: Callable[[], float]) -> None:
        self._reviewer = reviewer
        self._metrics = metrics
        self._clock = clock
        self._allowed: Recent[_Judged] = Recent(_MOST)
        # Apart, so that made-up tokens never push out good ones.
        self._denied: Recent[_Judged] = Recent(_MOST)
        self._flights: Flights[_Judged] = Flights()
        self._places = Places("the API server")
        self._unknown = Pace(_UNKNOWN_PER_SECOND, clock=clock)
        self._paused: tuple[float, str] | None = None

    def judge(self, token: str, digest: bytes) -> Verdict:
        """Tell whose *token* it is; see Authenticator."""
        now = self._clock()
        denied = self._denied.get(digest)
        if denied is not None and denied.good(now, _DENY_SECONDS):
            raise not_valid()
        before = self._allowed.get(digest)
        if before is None or not before.good(now, _OUTAGE_SECONDS):
            return _verdict(self._reviewed(token, digest, None))
        if before.good(now, _ALLOW_SECONDS):
            return _verdict(before)
        try:
            return _verdict(self._reviewed(token, digest, before))
        except AuthenticatorUnavailable:
            return _verdict(before)

    def asks(self, digest: bytes) -> bool:
        """Tell whether the server would have to be asked about a token it has not vouched for."""
        now = self._clock()
        denied, allowed = self._denied.get(digest), self._allowed.get(digest)
        return not (
            (denied is not None and denied.good(now, _DENY_SECONDS))
            or (allowed is not None and allowed.good(now, _OUTAGE_SECONDS))
        )

    def close(self) -> None:
        """Close the connections to the server."""
        self._reviewer.close()

    def _reviewed(self, token: str, digest: bytes, before: _Judged | None) -> _Judged:
        review, first = self._flights.join(digest)
        if first:
            try:
                review.set_result(self._ask(token, digest, known=before is not None))
            except BaseException as error:  # noqa: BLE001 - told to everyone who waits, us too
                review.set_exception(error)
            finally:
                self._flights.land(digest)
            return review.result()
        if before is not None:
            return before  # until the review that is under way has ended
        with self._places.taken():
            try:
                return review.result(PATIENCE_SECONDS + 1)
            except TooLate:
                raise AuthenticatorUnavailable("tokens cannot be checked now") from None

    def _ask(self, token: str, digest: bytes, *, known: bool) -> _Judged:
        paused = self._paused
        if paused is not None and abs(self._clock() - paused[0]) < _PAUSE_SECONDS:
            raise AuthenticatorUnavailable(paused[1])
        if not known and not self._unknown.take():
            raise AuthenticatorUnavailable(
                "tokens cannot be checked now: too many were sent that nobody has seen before"
            )
        with self._places.taken():
            try:
                judged = self._reviewer(token)
            except AuthenticatorUnavailable as error:
                self._tell(str(error))
                raise
        self._tell(None)
        kept, dropped = self._denied, self._allowed
        if judged.principal is not None:
            kept, dropped = dropped, kept
        kept.put(digest, judged)
        dropped.forget(digest)
        return judged

    def _tell(self, failure: str | None) -> None:
        if failure and self._paused is None:
            _LOG.error("%s; what it said stays good for %d s", failure, _OUTAGE_SECONDS)
        self._paused = (self._clock(), failure) if failure else None
        self._metrics.access_source("review", up=not failure)


def _verdict(judged: _Judged) -> Verdict:
    if judged.principal is None:
        raise not_valid()
    return Verdict(judged.principal, min(judged.asked + _ALLOW_SECONDS, judged.expires))
