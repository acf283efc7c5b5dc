"""Metrics of who is let in."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

from queryapi.telemetry.family import Family

AccessSource = Literal["tokens", "oidc", "review", "anonymous", "open", "unknown"]
AccessOutcome = Literal["admitted", "absent", "malformed", "wrong", "forbidden", "unavailable"]


class Judging:
    """How callers were judged, and whether whoever judges them can."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._authentications = Family(
            Counter(
                "gpuscope_api_authentications",
                "Callers that were judged, by what judged them and how: absent sent no credential,"
                " malformed no bearer token, wrong one that is not valid, forbidden may not do"
                " what they asked for, unavailable could not be judged.",
                ("source", "outcome"),
                registry=registry,
            )
        )
        self._sources = Gauge(
            "gpuscope_api_access_source_up",
            "Whether what judges credentials could be read or asked the last time: the file of"
            " tokens, the issuer's keys, the API server's reviews.",
            ("source",),
            registry=registry,
            multiprocess_mode="livemin",
        )

    def authentication(self, source: AccessSource, outcome: AccessOutcome) -> None:
        """Count one caller that was judged."""
        self._authentications.child(source, outcome).inc()

    def access_source(self, source: AccessSource, *, up: bool) -> None:
        """Tell whether what judges credentials could be read or asked just now."""
        self._sources.labels(source).set(up)
