"""The authenticators that are configured, and which of them judges a token."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from queryapi.access.asking import MOST_BYTES, PATIENCE_SECONDS, Asking
from queryapi.access.credential import not_valid, stated_by
from queryapi.access.followed import FileAuthenticator
from queryapi.access.review import ReviewAuthenticator, Reviewer
from queryapi.access.tokens import PREFIX
from queryapi.access.verdict import Authenticator
from queryapi.outbound.transport import HttpTransport
from queryapi.settings import Auth, Oidc, TokenReview
from queryapi.telemetry.judging import AccessSource, Judging

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Sources:
    """Who judges what: None is not configured."""

    tokens: Authenticator | None = None
    oidc: Authenticator | None = None
    review: Authenticator | None = None
    issuer: str | None = None

    def judge_of(self, token: str) -> tuple[AccessSource, Authenticator]:
        """Return who judges *token*, by its shape: no token is ever shown to anybody else.

        Raises:
            Unauthenticated: When nobody does.
        """
        found: tuple[AccessSource, Authenticator | None] = "review", self.review
        if token.startswith(PREFIX):
            found = "tokens", self.tokens
        elif self.oidc is not None and _issuer(token) == self.issuer:
            found = "oidc", self.oidc
        source, authenticator = found
        if authenticator is None:
            raise not_valid()
        return source, authenticator

    def close(self) -> None:
        """Close what they hold open."""
        for authenticator in (self.tokens, self.oidc, self.review):
            if authenticator is not None:
                authenticator.close()


def sources_of(auth: Auth, metrics: Judging, *, clock: Clock) -> Sources:
    """Return the authenticators that *auth* configures.

    Args:
        auth: Checked settings.
        metrics: What they tell about themselves.
        clock: Unix seconds.
    """
    tokens, oidc, review = auth.tokens_file, auth.oidc, auth.token_review
    return Sources(
        FileAuthenticator(Path(tokens), metrics=metrics, clock=clock) if tokens else None,
        _oidc(oidc, metrics, clock) if oidc else None,
        _review(review, metrics, clock) if review else None,
        oidc.issuer if oidc else None,
    )


def _oidc(oidc: Oidc, metrics: Judging, clock: Clock) -> Authenticator:
    # Cryptography costs memory and time to load: only those pay who need it.
    from queryapi.access.jwks import Keys  # noqa: PLC0415
    from queryapi.access.jwt import JwtAuthenticator  # noqa: PLC0415

    asking = Asking("the issuer of JSON web tokens", _transport(oidc.ca_file))
    keys = Keys(oidc, asking, metrics=metrics, clock=clock)
    # Read before the first caller comes; a failure is told by the metrics and to callers.
    keys.refresh()
    return JwtAuthenticator(oidc, keys, clock=clock)


def _review(review: TokenReview, metrics: Judging, clock: Clock) -> Authenticator:
    asking = Asking("the API server that reviews tokens", _transport(review.ca_file))
    reviewer = Reviewer(review, asking, clock=clock)
    return ReviewAuthenticator(reviewer, metrics=metrics, clock=clock)


def _transport(ca_file: str | None) -> HttpTransport:
    return HttpTransport(connect=PATIENCE_SECONDS / 2, ca_file=ca_file, max_bytes=MOST_BYTES)


def _issuer(token: str) -> str | None:
    stated = stated_by(token)
    return stated.iss if stated else None
