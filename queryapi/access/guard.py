"""The one door: whose credential it is, and whether they may do what they ask for."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from queryapi.access.credential import bearer, digest_of
from queryapi.access.policy import Permission, permits
from queryapi.access.principal import EVERYTHING, NOBODY, Principal
from queryapi.access.sources import Sources, sources_of
from queryapi.access.verdict import Recent
from queryapi.errors import AuthenticatorUnavailable, NotPermitted, Unauthenticated
from queryapi.settings import Anonymous, Api, Role, Settings, is_loopback, split_address
from queryapi.telemetry.judging import AccessSource, Judging

_LOG = logging.getLogger(__name__)
_VERIFIED_SECONDS = 60.0
_MOST_VERIFIED = 4096
_EVERYBODY = Principal("anonymous", Role.ADMIN)


@dataclass(frozen=True, slots=True)
class _Verified:
    source: AccessSource
    principal: Principal
    since: float
    until: float


class Guard:
    """Decides about every request. Thread-safe.

    Args:
        sources: Who judges credentials; None = nobody is asked, everybody may do everything.
        anonymous: What callers without a credential may do.
        metrics: Counts every decision.
        clock: Unix seconds.
    """

    def __init__(
        self,
        sources: Sources | None,
        anonymous: Anonymous,
        *,
        metrics: Judging,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sources = sources
        roles = {api: getattr(anonymous, api.value) for api in Api}
        self._anonymous = {
            api: Principal("anonymous", role) for api, role in roles.items() if role is not None
        }
        self._metrics = metrics
        self._clock = clock
        self._verified: Recent[_Verified] = Recent(_MOST_VERIFIED)

    def admit(self, authorization: str | None, api: Api | None, needs: Permission) -> Principal:
        """Return who is asking, when they may.

        Args:
            authorization: The Authorization header, None when there is none.
            api: Whose rules apply; None = open to everyone: nobody is asked who they are.
            needs: What they must be allowed to do.

        Raises:
            Unauthenticated: When a credential is missing or wrong.
            NotPermitted: When the caller may not do that.
            AuthenticatorUnavailable: When the credential cannot be judged now.
        """
        if api is None:
            return NOBODY if self._sources else _EVERYBODY
        source, principal = self._caller(authorization, api, needs)
        if not permits(principal.role, needs, api):
            self._metrics.authentication(source, "forbidden")
            what = f"the role {principal.role}" if principal.role else "a caller without a role"
            raise NotPermitted(f"{what} may not {needs} here; ask for a token that may")
        if needs is Permission.OVERSEE and principal.scope != EVERYTHING:
            self._metrics.authentication(source, "forbidden")
            raise NotPermitted(
                "this tells of every cluster and of all jobs; ask for a token that is limited to"
                " none"
            )
        self._metrics.authentication(source, "admitted")
        return principal

    def identify(self, authorization: str | None) -> Principal:
        """Return who is asking where everybody may; NOBODY when that cannot be told.

        Whoever may not read the real-time API sees no more than NOBODY.
        """
        if self._sources is None:
            return _EVERYBODY
        if authorization is None:
            return NOBODY
        try:
            found = self._bearer(authorization, self._sources)[1]
        except (Unauthenticated, AuthenticatorUnavailable):
            return NOBODY
        if permits(found.role, Permission.READ, Api.REALTIME):
            return found
        # Known by name; what an open route tells besides is the real-time API's to tell.
        return Principal(found.name, found.role, NOBODY.scope)

    def asks(self, authorization: str) -> bool:
        """Tell whether judging a credential now would mean asking somebody else about it."""
        if self._sources is None:
            return False
        try:
            token = bearer(authorization)
            _, authenticator = self._sources.judge_of(token)
        except Unauthenticated:
            return False
        return authenticator.asks(digest_of(token))

    def close(self) -> None:
        """Close what is held open."""
        if self._sources is not None:
            self._sources.close()

    def _caller(
        self, authorization: str | None, api: Api, needs: Permission
    ) -> tuple[AccessSource, Principal]:
        if self._sources is None:
            return "open", _EVERYBODY
        if authorization is not None:
            return self._bearer(authorization, self._sources)
        if api in self._anonymous and needs is not Permission.OVERSEE:
            return "anonymous", self._anonymous[api]
        self._metrics.authentication("unknown", "absent")
        raise Unauthenticated(
            "who is asking must be known here: send the header Authorization: Bearer TOKEN"
        )

    def _bearer(self, authorization: str, sources: Sources) -> tuple[AccessSource, Principal]:
        try:
            token = bearer(authorization)
        except Unauthenticated:
            self._metrics.authentication("unknown", "malformed")
            raise
        digest, now = digest_of(token), self._clock()
        known = self._verified.get(digest)
        if known is None or not known.since <= now < known.until:
            known = self._judged(token, digest, now, sources)
        return known.source, known.principal

    def _judged(self, token: str, digest: bytes, now: float, sources: Sources) -> _Verified:
        source: AccessSource = "unknown"
        try:
            source, authenticator = sources.judge_of(token)
            verdict = authenticator.judge(token, digest)
        except Unauthenticated:
            self._metrics.authentication(source, "wrong")
            raise
        except AuthenticatorUnavailable:
            self._metrics.authentication(source, "unavailable")
            raise
        until = min(verdict.until, now + _VERIFIED_SECONDS)
        verified = _Verified(source, verdict.principal, now, until)
        # What may be taken back at any moment is judged anew each time.
        if until > now:
            self._verified.put(digest, verified)
        return verified


def guard_of(
    settings: Settings, metrics: Judging, *, clock: Callable[[], float] = time.time
) -> Guard:
    """Return the guard for *settings*; close it when it is done with.

    Args:
        settings: Checked settings.
        metrics: Counts every decision.
        clock: Unix seconds.
    """
    auth = settings.auth
    sources = sources_of(auth, metrics, clock=clock) if auth.configured else None
    reachable = [it for it in settings.listen if not is_loopback(split_address(it)[0])]
    if reachable:
        _LOG.warning(
            "tokens can be read on the way to %s unless TLS is terminated in front of it",
            ", ".join(reachable),
        )
    return Guard(sources, auth.anonymous, metrics=metrics, clock=clock)
