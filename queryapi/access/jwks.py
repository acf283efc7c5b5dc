"""An issuer's public keys: read in the background, kept through its outages."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import msgspec

from queryapi.access.asking import PATIENCE_SECONDS, Asking, Places
from queryapi.errors import AuthenticatorUnavailable
from queryapi.outbound.transport import Request
from queryapi.settings import Oidc, reads_safely
from queryapi.telemetry.judging import Judging

_LOG = logging.getLogger(__name__)
_FRESH_SECONDS = 300.0
_PAUSE_SECONDS = 10.0
_GOOD_SECONDS = 24 * 3600.0
_MOST_KEYS = 100

Jwk = Mapping[str, Any]


class Discovery(msgspec.Struct):
    """What is read of the discovery document (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    jwks_uri: str


class KeySet(msgspec.Struct):
    """A JSON Web Key Set (RFC 7517, section 5)."""

    keys: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Held:
    keys: Sequence[Jwk]
    read: float

    def named(self, kid: str | None) -> Sequence[Jwk]:
        return [key for key in self.keys if kid is None or key.get("kid") == kid]


class Keys:
    """The keys, and when they are read: every 5 minutes, and at once for one that is not known.

    Reading happens in a thread of its own. Nobody waits for it whose key is here; those whose key
    is not wait for 2 s, and never more than a few of them.

    Args:
        oidc: Where the keys are.
        asking: Asks the issuer.
        metrics: Is told whether they could be read.
        clock: Unix seconds.
    """

    def __init__(
        self, oidc: Oidc, asking: Asking, *, metrics: Judging, clock: Callable[[], float]
    ) -> None:
        self._oidc = oidc
        self._asking = asking
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._places = Places(asking.whom)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keys")
        self._held: _Held | None = None
        self._tried = float("-inf")
        self._failure = ""
        self._reading: Future[None] | None = None

    def find(self, kid: str | None) -> Sequence[Jwk]:
        """Return the keys called *kid*, perhaps none; all of them for None.

        Raises:
            AuthenticatorUnavailable: When it is not known and the issuer cannot be asked.
        """
        found = self._known(kid)
        if found:
            if self._clock() - self._tried >= _FRESH_SECONDS or self._failure:
                self.refresh()
            return found
        reading = self.refresh()
        if reading is not None:
            with self._places.taken():
                wait([reading], PATIENCE_SECONDS + 1)
        # Also when there is none: it may have ended since we looked.
        found = self._known(kid)
        if not found and (self._failure or not self._usable()):
            raise AuthenticatorUnavailable(self._failure or str(self._asking.failed("no keys yet")))
        return found

    def refresh(self) -> Future[None] | None:
        """Have the keys read; return the reading under way, None when there was one just now."""
        with self._lock:
            if self._reading is not None and not self._reading.done():
                return self._reading
            now = self._clock()
            if 0 <= now - self._tried < _PAUSE_SECONDS:
                return None
            self._tried = now
            self._reading = self._thread.submit(self._read)
            return self._reading

    def close(self) -> None:
        """Stop reading."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._asking.close()

    def _known(self, kid: str | None) -> Sequence[Jwk]:
        held = self._held
        return held.named(kid) if held is not None and self._usable() else ()

    def _usable(self) -> bool:
        held = self._held
        return held is not None and self._clock() - held.read < _GOOD_SECONDS

    def _read(self) -> None:
        try:
            keys = self._asking.ask(_get(self._url()), KeySet).keys[:_MOST_KEYS]
            self._held, failure = _Held(keys, self._clock()), ""
        except AuthenticatorUnavailable as error:
            failure = str(error)
        except Exception:  # noqa: BLE001 - logged whole
            # Nobody may wait for this thread, so nobody else would ever tell.
            _LOG.exception("reading the keys failed")
            failure = str(self._asking.failed("a defect of ours; the log has it"))
        if failure and not self._failure:
            _LOG.error("%s; the keys that are known stay good for a day", failure)
        self._failure = failure
        self._metrics.access_source("oidc", up=not failure)

    def _url(self) -> str:
        if self._oidc.jwks_url:
            return self._oidc.jwks_url
        issuer = self._oidc.issuer
        where = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        found = self._asking.ask(_get(where), Discovery)
        if found.issuer != issuer:
            raise self._asking.failed("its discovery document is another issuer's")
        if not reads_safely(found.jwks_uri):
            raise self._asking.failed("its discovery document names keys that are not on https")
        return found.jwks_uri


def _get(url: str) -> Request:
    return Request("GET", url, {"Accept": "application/json"})
