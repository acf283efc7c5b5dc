"""The service's own metrics, in a registry of their own.

No label ever holds what a client sent: routes are templates, clusters come from the settings.
"""

from functools import cached_property

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import choose_encoder

from queryapi.telemetry import processes
from queryapi.telemetry.caching import Caching
from queryapi.telemetry.judging import Judging
from queryapi.telemetry.querying import Querying
from queryapi.telemetry.serving import Serving
from queryapi.telemetry.sharing import Sharing


class Metrics:
    """Everything the service counts, one instance per application; each part takes its own group.

    Attributes:
        serving: The requests that clients send.
        caching: What is kept of the clusters.
        querying: What is asked of Prometheus.
        judging: Who is let in.
    """

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        self.serving = Serving(self._registry)
        self.caching = Caching(self._registry)
        self.querying = Querying(self._registry)
        self.judging = Judging(self._registry)
        build = Gauge(
            "gpuscope_api_build_info",
            "Always 1; which version this is.",
            ("version",),
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        build.labels(version).set(1)

    @cached_property
    def sharing(self) -> Sharing:
        """What is shared through Redis; told from the first use on, so never without one."""
        return Sharing(self._registry)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the best format that *accept* allows, and its content type."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):
            # The library cannot compare a version that is no number with its own.
            encode, content_type = choose_encoder("")
        return encode(processes.everywhere(self._registry)), content_type
