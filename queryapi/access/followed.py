"""Judges tokens of our own by the file they are kept in, which may change at any time."""

import logging
import math
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from queryapi.access import tokenfile
from queryapi.access.credential import not_valid
from queryapi.access.tokens import Token, known
from queryapi.access.verdict import Verdict
from queryapi.errors import AuthenticatorUnavailable, ConfigurationError
from queryapi.telemetry.judging import Judging

_LOG = logging.getLogger(__name__)
# A revoked token is out after a second; reading it for every request would cost more than that.
_LOOK_SECONDS = 1.0
# An editor's slip must not lock everybody out at once, nor may deleting the file keep all in.
_GRACE_SECONDS = 60.0

Version = tuple[int, int, int]


class FileAuthenticator:
    """Judges by the newest content of the file, or for a minute by the last one that was good.

    Whether there is such a file is checked before there are processes. One that is born later,
    when the file is broken, judges nobody until it is not: it must not end the others.

    Args:
        path: The file.
        metrics: Is told whether the file could be read.
        clock: Unix seconds.
    """

    def __init__(self, path: Path, *, metrics: Judging, clock: Callable[[], float]) -> None:
        self._path = path
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = self._good = -math.inf
        self._said = ""
        self._version: Version | None = None
        self._tokens: Mapping[str, Token] = {}
        self._read(clock())

    def judge(self, token: str, digest: bytes) -> Verdict:  # noqa: ARG002 - a protocol's
        """Tell whose *token* it is; see Authenticator."""
        now = self._clock()
        self._follow(now)
        if now - self._good > _GRACE_SECONDS:
            raise AuthenticatorUnavailable(
                "tokens cannot be checked now: the file of tokens cannot be read"
            )
        # Read before the tokens, which may be replaced at any time by newer ones.
        looked = self._looked
        found = known(self._tokens, token)
        if found is None or found.expired(now):
            raise not_valid()
        return Verdict(found.principal, min(looked + _LOOK_SECONDS, found.ends))

    def asks(self, digest: bytes) -> bool:  # noqa: ARG002 - a protocol's
        """Ask nobody: a digest is compared."""
        return False

    def close(self) -> None:
        """Hold nothing open."""

    def _follow(self, now: float) -> None:
        """Look at the file when that was not done for a second; one thread does.

        The others go on with what they have, unless that is too old to go on with.
        """
        if self._fresh(now) or not self._lock.acquire(blocking=now - self._good > _GRACE_SECONDS):
            return
        try:
            self._read(now)
        finally:
            self._lock.release()

    def _fresh(self, now: float) -> bool:
        return abs(now - self._looked) < _LOOK_SECONDS

    def _read(self, now: float) -> None:
        try:
            self._look()
            self._looked = self._good = now
            self._say("")
        except ConfigurationError as error:
            self._version, self._looked = None, now
            self._say(str(error))

    def _look(self) -> None:
        # Taken before the content: a change between the two is seen the next time.
        version = _version(self._path)
        if version is None or version != self._version:
            self._tokens = tokenfile.load(self._path).by_id()
            self._version = version

    def _say(self, wrong: str) -> None:
        self._metrics.access_source("tokens", up=not wrong)
        if wrong and wrong != self._said:
            _LOG.error(
                "%s; tokens that this process knows stay good for %d s, then nobody is admitted"
                " by one",
                wrong,
                _GRACE_SECONDS,
            )
        elif self._said and not wrong:
            _LOG.info("%s: can be read again", self._path)
        self._said = wrong


def _version(path: Path) -> Version | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
