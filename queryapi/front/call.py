"""One request on its way through the gate, and what it leaves behind."""

import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator

import msgspec

from queryapi.access.principal import NOBODY, Principal
from queryapi.front.routes import Route
from queryapi.limits.allowance import Allowance
from queryapi.telemetry.logs import ACCESS
from queryapi.telemetry.serving import ReadyOutcome, Serving

_LOG = logging.getLogger(ACCESS)
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
# A path and a method are as long as clients like; a line of the log is not.
_PATH_LOGGED = 512
_METHOD_LOGGED = 32
UNMATCHED = "unmatched"


class Call(msgspec.Struct, gc=False):
    """What is known of a request so far.

    Args:
        id: The request's id.
        started: Monotonic seconds.
        method: HTTP method.
        path: Normalised path.
        address: The client's address.
        origin: The page that asks, if a browser says so.
        route: The route; None = there is none.
        principal: Who asks.
        allowance: What they have left; None = they are not limited.
        cluster: The configured cluster that is asked for.
        cache: Whether the answer was ready; None = answers of this route never are.
        trace: The trace it belongs to, empty when there is none.
    """

    id: str
    started: float
    method: str
    path: str
    address: str
    origin: str | None
    route: Route | None = None
    principal: Principal = NOBODY
    allowance: Allowance | None = None
    cluster: str | None = None
    cache: ReadyOutcome | None = None
    trace: str = ""

    @property
    def template(self) -> str:
        """The route as metrics and limits name it; nothing a client can invent."""
        return self.route.template if self.route else UNMATCHED


def id_of(given: str | None) -> str:
    """Return the request id that a proxy has *given*, or a new one."""
    # It need not be hard to guess, and asking the kernel gives other threads the interpreter.
    return given if given and _ID.fullmatch(given) else f"{random.getrandbits(128):032x}"


class Records:
    """Writes one line and one observation for every request.

    Args:
        metrics: Where requests are counted.
        clock: Monotonic seconds.
    """

    def __init__(self, metrics: Serving, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self.clock = clock

    def arrived(self) -> float:
        """Count one request as being answered; returns when it came."""
        self._metrics.arrived()
        return self.clock()

    def answered(self, call: Call, status: int, seconds: float, sent: int, whole: bool) -> None:  # noqa: FBT001 - as Sending says it
        """Record a request that is over.

        Args:
            call: The request.
            status: HTTP status.
            seconds: From its arrival until the answer was there.
            sent: Bytes of the body that were handed over.
            whole: Whether that was all of it.
        """
        self._metrics.left()
        self._metrics.request(call.template, call.method, status, seconds)
        if call.cache:
            self._metrics.ready(call.template, call.cache)
        if _LOG.isEnabledFor(logging.INFO):
            _LOG.handle(_Record(call, status, seconds, sent, whole))

    def limited(self, call: Call) -> None:
        """Record a request that was too many."""
        self._metrics.limited(call.template)


class Sending:
    """The body of an answer; whoever sends it calls `close`, sent or not (PEP 3333).

    Args:
        chunks: The body.
        over: Told the bytes handed over, and whether they were all.
    """

    __slots__ = ("_chunks", "_over", "_sent", "_whole")

    def __init__(self, chunks: Iterable[bytes], over: Callable[[int, bool], None]) -> None:
        self._chunks = chunks
        self._over: Callable[[int, bool], None] | None = over
        self._sent = 0
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body."""
        for chunk in self._chunks:
            self._sent += len(chunk)
            yield chunk
        self._whole = True

    def close(self) -> None:
        """Tell, once, that nothing more will be sent."""
        over, self._over = self._over, None
        if over is None:
            return
        try:
            end = getattr(self._chunks, "close", None)
            if end is not None:
                end()
        finally:
            over(self._sent, self._whole)


class _Record(logging.LogRecord):
    """A request for the log, told in fields by whoever writes them: not while its client waits."""

    # Nobody reads where in our code it was logged, and to find that out costs most of a record.
    _ALIKE = vars(_LOG.makeRecord(_LOG.name, logging.INFO, __file__, 0, "request", (), None))

    def __init__(self, call: Call, status: int, seconds: float, sent: int, whole: bool) -> None:  # noqa: FBT001 - as Sending says it
        self.__dict__.update(self._ALIKE)
        self.created = time.time()
        self.msecs = self.created % 1 * 1000
        self._told = call, status, seconds, sent, whole

    @property
    def fields(self) -> dict[str, object]:
        """What the line tells; see `Records.answered`."""
        call, status, seconds, sent, whole = self._told
        line: dict[str, object] = {
            "request_id": call.id,
            "client": call.address,
            "principal": call.principal.name,
            "method": call.method[:_METHOD_LOGGED],
            "path": _readable(call.path)[:_PATH_LOGGED],
            "route": call.template,
            "status": status,
            "bytes": sent,
            "milliseconds": round(seconds * 1000, 2),
        }
        if call.cache:
            line["cache"] = call.cache
        if call.cluster:
            line["cluster"] = call.cluster
        if call.trace:
            line["trace_id"] = call.trace
        if not whole:
            line["aborted"] = True
        return line


def _readable(path: str) -> str:
    """Return a WSGI path, bytes taken for Latin-1, as the text that it was."""
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")
