"""Handshakes that fail: counted by why, and told, though not more often than anybody reads."""

import logging
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum

_log = logging.getLogger(__name__)

_QUIET_SECONDS = 60.0
_MOST_ADDRESSES = 256


class Failure(StrEnum):
    """Why a client got no connection."""

    PLAIN_HTTP = "plain_http"
    OUR_CERTIFICATE = "our_certificate"
    CLIENT_CERTIFICATE = "client_certificate"
    NOT_ALLOWED = "not_allowed"
    GONE = "gone"
    PROTOCOL = "protocol"


_WORDS = {
    Failure.PLAIN_HTTP: "it speaks plain HTTP: write https in its settings",
    Failure.OUR_CERTIFICATE: "it does not accept our certificate: give it the CA of cert_file",
    Failure.CLIENT_CERTIFICATE: "it shows no certificate of client_ca_file",
    Failure.NOT_ALLOWED: "its certificate is not in client_allowed_sans",
    Failure.GONE: "it hung up",
    Failure.PROTOCOL: "no common version or cipher, or no TLS at all",
}
_OF_CLIENT = ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "CERTIFICATE_VERIFY_FAILED")
_ALERTS = ("UNKNOWN_CA", "CERTIFICATE")


class Handshakes:
    """Used by all threads that serve.

    Args:
        monotonic: A clock that never jumps.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures: Counter[Failure] = Counter(dict.fromkeys(Failure, 0))
        self._told: dict[str, float] = {}

    def fail(self, address: str, why: Failure, error: object = "") -> None:
        """Note that a client got no connection; told once an address and minute.

        Who hangs up without a word, as probes of ports do, is counted only.
        """
        with self._lock:
            self._failures[why] += 1
            tell = why is not Failure.GONE and self._is_news(address)
        said = f" ({error})" if error else ""
        level = logging.INFO if tell else logging.DEBUG
        _log.log(level, "no TLS with %s: %s%s", address, _WORDS[why], said)

    def failures(self) -> Mapping[Failure, int]:
        """Return how often each has happened."""
        with self._lock:
            return dict(self._failures)

    def _is_news(self, address: str) -> bool:
        now = self._monotonic()
        # In the order in which they were told of: the oldest come first.
        while self._told and now - next(iter(self._told.values())) >= _QUIET_SECONDS:
            del self._told[next(iter(self._told))]
        if address in self._told or len(self._told) >= _MOST_ADDRESSES:
            return False
        self._told[address] = now
        return True


def failure(error: OSError) -> Failure:
    """Return why a handshake failed."""
    reason = getattr(error, "reason", None) or ""
    if reason == "HTTP_REQUEST":
        return Failure.PLAIN_HTTP
    if reason in _OF_CLIENT:
        return Failure.CLIENT_CERTIFICATE
    if "_ALERT_" in reason and any(word in reason for word in _ALERTS):
        return Failure.OUR_CERTIFICATE
    if isinstance(error, ssl.SSLError) and not isinstance(
        error, ssl.SSLEOFError | ssl.SSLZeroReturnError
    ):
        return Failure.PROTOCOL
    return Failure.GONE
