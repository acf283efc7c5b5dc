"""Which pages of other origins may read answers (the Fetch standard, section 3.2)."""

from collections.abc import Iterable

Headers = list[tuple[str, str]]

_SENT = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID"
_READ = (
    "Age, ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, Warning,"
    " X-Request-ID"
)
_ANYWHERE = "*"
_KEPT_SECONDS = "600"


class Cors:
    """Lets the pages of some origins in; callers are told by tokens, never by cookies.

    Args:
        origins: Such as `https://grafana.example`; `*` = all; none = other origins' pages
            cannot read answers.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._anywhere = _ANYWHERE in self._origins
        # An answer that depends on who is asking must not be kept for others, even without Origin.
        depends = self._origins and not self._anywhere
        self._always: Headers = [("Vary", "Origin")] if depends else []

    def welcomes(self, origin: str | None) -> bool:
        """Tell whether pages of *origin* may call; of None, which is no page, they may not."""
        return bool(origin) and (self._anywhere or str(origin).lower() in self._origins)

    def headers(self, origin: str | None) -> Headers:
        """Return what every answer to a request from *origin* carries."""
        if not self.welcomes(origin):
            return self._always
        return [*self._always, *self._allowed(origin), ("Access-Control-Expose-Headers", _READ)]

    def preflight(self, origin: str | None, allow: str) -> Headers:
        """Return what a preflight answer carries besides; *allow* lists the methods."""
        if not self.welcomes(origin):
            return []
        return [
            ("Access-Control-Allow-Methods", allow),
            ("Access-Control-Allow-Headers", _SENT),
            ("Access-Control-Max-Age", _KEPT_SECONDS),
        ]

    def _allowed(self, origin: str | None) -> Headers:
        return [("Access-Control-Allow-Origin", _ANYWHERE if self._anywhere else str(origin))]
