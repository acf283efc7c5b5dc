"""The service's own metrics, in a registry of their own.

No label ever holds what a client sent: routes are templates, clusters come from the settings.
"""

from functools import cached_property

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.exposition import choose_encoder

from queryapi.telemetry import processes
from queryapi.telemetry.caching import Caching
from queryapi.telemetry.ingesting import Ingested
from queryapi.telemetry.jobpage import Encode, JobPage
from queryapi.telemetry.judging import Judging
from queryapi.telemetry.keeping import Keeping
from queryapi.telemetry.looking import Looking
from queryapi.telemetry.observing import Observing
from queryapi.telemetry.querying import Querying
from queryapi.telemetry.serving import Served, Serving, served
from queryapi.telemetry.sharing import Sharing
from queryapi.telemetry.storing import Storing
from queryapi.telemetry.streaming import Following, Streaming


class Metrics:
    """Everything the service counts, one instance per application; each part takes its own group.

    Attributes:
        serving: The requests that clients send.
        caching: What is kept of the clusters.
        querying: What is asked of Prometheus.
        judging: Who is let in.
        looking: The looks at the services.
    """

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        self._jobs: JobPage | None = None
        self.serving = Serving(self._registry)
        self.caching = Caching(self._registry)
        self.querying = Querying(self._registry)
        self.judging = Judging(self._registry)
        self.looking = Looking(self._registry)
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

    @cached_property
    def storing(self) -> Storing:
        """The database; told from the first use on, so never without one."""
        return Storing(self._registry)

    @cached_property
    def ingesting(self) -> Ingested:
        """What is taken in of jobs; told from the first use on, so never without a database."""
        return Ingested(self._registry)

    @cached_property
    def keeping(self) -> Keeping:
        """What is forgotten of jobs; told from the first use on, so never without a database."""
        return Keeping(self._registry)

    @cached_property
    def observing(self) -> Observing:
        """The looks at pools' nodes; told from the first use on, so never without a database."""
        return Observing(self._registry)

    def served(self) -> Served:
        """Return what all processes have answered so far."""
        return served(processes.everywhere(self._registry))

    def tell_of_jobs(self, page: JobPage) -> None:
        """Tell of jobs too: no process counts those, the store knows them."""
        self._jobs = page

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the best format that *accept* allows, and its content type."""
        encode, content_type = _encoder(accept)
        page = encode(processes.everywhere(self._registry))
        if self._jobs is not None:
            page = self._jobs.added_to(page, encode, content_type)
        return page, content_type


class StreamMetrics:
    """Everything the stream gateway counts; a process of its own has metrics of its own.

    Attributes:
        streaming: Its clients, and what they are sent.
        following: What those of them are told who follow jobs.
        judging: Who is let in.
    """

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        self.streaming = Streaming(self._registry)
        self.following = Following(self._registry)
        self.judging = Judging(self._registry)
        build = Gauge(
            "gpuscope_stream_build_info",
            "Always 1; which version this is.",
            ("version",),
            registry=self._registry,
        )
        build.labels(version).set(1)
        ProcessCollector(registry=self._registry)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the best format that *accept* allows, and its content type."""
        encode, content_type = _encoder(accept)
        return encode(processes.everywhere(self._registry)), content_type


def _encoder(accept: str) -> tuple[Encode, str]:
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):
        # The library cannot compare a version that is no number with its own.
        return choose_encoder("")
