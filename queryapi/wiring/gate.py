"""Makes the gate in front of all APIs, by the settings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from queryapi.access.guard import guard_of
from queryapi.api.endpoints import endpoints_of
from queryapi.api.visit import Ready
from queryapi.front.addresses import Addresses
from queryapi.front.admission import Admission, Turnstile
from queryapi.front.call import Records
from queryapi.front.cors import Cors
from queryapi.front.gate import Gate
from queryapi.front.routes import Doors
from queryapi.limits.choice import limiter_of, reports_of
from queryapi.wiring.composition import Composition

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def gate_of(composition: Composition, inner: "WSGIApplication", ready: Mapping[str, Ready]) -> Gate:
    """Return the gate in front of *inner*, which answers itself what is *ready*."""
    ground, settings = composition.ground, composition.ground.settings
    guard = guard_of(settings, ground.metrics.judging, clock=ground.clock)
    ground.resources.callback(guard.close)
    turnstile = Turnstile(
        limiter_of(settings, composition.shared), settings.limits, reports_of(settings)
    )
    return Gate(
        inner,
        doors=Doors(endpoints_of(settings.auth), settings.listen_apis),
        addresses=Addresses(settings.limits.trusted_proxies),
        cors=Cors(settings.cors_origins),
        admission=Admission(guard, turnstile),
        turnstile=turnstile,
        ready=ready,
        clusters=(cluster.name for cluster in settings.clusters),
        records=Records(ground.metrics.serving),
        tracer=ground.tracer,
    )
