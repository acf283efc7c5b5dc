"""A gate around a small application, with parts that tests choose."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from queryapi.access.policy import Permission
from queryapi.access.principal import NOBODY, Principal
from queryapi.api.endpoints import Endpoint
from queryapi.api.visit import ENVIRON_KEY, Ready
from queryapi.cache.prepared import prepare
from queryapi.errors import NotPermitted, Unauthenticated
from queryapi.front.addresses import Addresses
from queryapi.front.admission import Admission, Turnstile
from queryapi.front.call import Records
from queryapi.front.cors import Cors
from queryapi.front.gate import Gate
from queryapi.front.routes import Doors
from queryapi.limits.allowance import Allowance, Limiter
from queryapi.services.freshness import Freshness
from queryapi.services.snapshot import Answer
from queryapi.settings import Api, Limits, Role
from queryapi.telemetry.metrics import Metrics
from queryapi.telemetry.traces import NoTracer, Tracer
from tests.support.fake_prometheus import Clock
from tests.support.query_service import Visitor

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/api/v1/realtime/status"
POOL = "/api/pools/{id}"
BODY = json.dumps({"data": "x" * 2000}).encode()
ANSWER = Answer(prepare(BODY), Freshness(at=0, age=2.5, lifetime=30, stale=False))

ENDPOINTS = (
    Endpoint("GET", PATH, Api.REALTIME, Permission.READ, "", None),
    Endpoint("GET", POOL, Api.POOLS, Permission.READ, "", None),
    Endpoint("DELETE", POOL, Api.POOLS, Permission.OPERATE, "", None),
    Endpoint("GET", "/api/pools/activity", Api.POOLS, Permission.READ, "", None),
    Endpoint("GET", "/healthz", None, Permission.READ, "", None, everywhere=True),
    Endpoint("GET", "/readyz", None, Permission.READ, "", None, tells_more=True),
)


class Doorman:
    """Knows `Bearer good` as token:ci and refuses `Bearer guest` what is no reading.

    About `Bearer foreign` it would have to ask somebody else.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, Api | None, object]] = []

    def admit(self, authorization: str | None, api: Api | None, needs: Permission) -> Principal:
        """Return who is asking."""
        self.asked.append((authorization, api, needs))
        if authorization == "Bearer good":
            return Principal("token:ci", Role.ADMIN)
        if authorization == "Bearer guest":
            raise NotPermitted("viewers may not do this")
        raise Unauthenticated("send a token")

    def identify(self, authorization: str | None) -> Principal:
        """Return who is asking, NOBODY when that is unknown."""
        self.asked.append((authorization, None, None))
        return Principal("token:ci", Role.ADMIN) if authorization == "Bearer good" else NOBODY

    def asks(self, authorization: str) -> bool:
        """Tell that what is called foreign is another's to judge."""
        return authorization == "Bearer foreign"

    def close(self) -> None:
        """Do nothing."""


class Bucket:
    """Lets each client through so many times."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.taken: list[tuple[str, str]] = []

    def take(self, client: str, endpoint: str) -> Allowance:
        """Count one request."""
        left = self._size - self.taken.count((client, endpoint)) - 1
        self.taken.append((client, endpoint))
        return Allowance(left >= 0, max(0, left), 12.2, 0 if left >= 0 else 2.5)


@dataclass(slots=True)
class Inner:
    """The application behind the gate: tells the visit, or raises what it is told to."""

    visits: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    error: Exception | None = None

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer `inner`."""
        self.visits.append(environ[ENVIRON_KEY])
        self.paths.append(environ["PATH_INFO"])
        if self.error:
            raise self.error
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
        return [b"inner"]


@dataclass(slots=True)
class Gated:
    """A gate and what it is made of."""

    gate: Gate
    http: Visitor
    metrics: Metrics
    clock: Clock

    def counted(self) -> Mapping[str, float]:
        """Return the samples of the metrics by their text."""
        text = self.metrics.exposition("")[0].decode()
        lines = (line for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def gated(
    inner: "WSGIApplication | None" = None,
    *,
    guard: Doorman | None = None,
    limiter: Limiter | None = None,
    limits: Limits | None = None,
    ready: Mapping[str, Ready] | None = None,
    origins: tuple[str, ...] = (),
    listen_apis: Mapping[int, tuple[Api, ...]] | None = None,
    tracer: Tracer | None = None,
    wrap: Callable[[Gate], "WSGIApplication"] = lambda gate: gate,
) -> Gated:
    """Return a gate around *inner* with a clock that stands still."""
    metrics, clock = Metrics("test"), Clock()
    limits = limits or Limits()
    turnstile = Turnstile(limiter, limits)
    gate = Gate(
        inner or Inner(),
        doors=Doors(ENDPOINTS, listen_apis),
        addresses=Addresses(limits.trusted_proxies),
        cors=Cors(origins),
        admission=Admission(guard or Doorman(), turnstile, clock),
        turnstile=turnstile,
        ready=ready or {},
        clusters=["prod"],
        records=Records(metrics.serving, clock),
        tracer=tracer or NoTracer(),
    )
    return Gated(gate, Visitor(wrap(gate)), metrics, clock)


GOOD = {"Authorization": "Bearer good"}
