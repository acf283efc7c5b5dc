"""Metrics of the stream gateway: its clients, what they are sent, what it asks the service."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from queryapi.telemetry.family import Family

PollOutcome = Literal["answered", "denied", "limited", "rejected", "failed"]

# Every code that either side may send by itself; a client may make up others.
_CODES = frozenset({1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1013})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Streaming:
    """What WebSocket clients do and are sent."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._clients = Gauge(
            "gpuscope_stream_clients", "WebSocket clients that are connected.", registry=registry
        )
        self._feeds = Gauge(
            "gpuscope_stream_feeds",
            "Questions that are asked of the HTTP service again and again, each for all who want"
            " its answer.",
            registry=registry,
        )
        self._handshakes = Family(
            Counter(
                "gpuscope_stream_handshakes",
                "Answers to requests, by HTTP status; 101 opened a WebSocket.",
                ("status",),
                registry=registry,
            )
        )
        self._closed = Family(
            Counter(
                "gpuscope_stream_closed",
                "WebSockets that ended, by close code; 1006 = without a closing handshake.",
                ("code",),
                registry=registry,
            )
        )
        self._sent = Counter(
            "gpuscope_stream_messages_sent", "Messages handed to clients.", registry=registry
        )
        self._skipped = Counter(
            "gpuscope_stream_messages_skipped",
            "Messages that a newer one replaced before their client took them.",
            registry=registry,
        )
        self._polls = Family(
            Histogram(
                "gpuscope_stream_poll_duration_seconds",
                "Time the HTTP service took to answer a feed, by outcome: denied = the"
                " subscriber's token, limited = too many requests, rejected = the question,"
                " failed = no usable answer.",
                ("outcome",),
                registry=registry,
                buckets=_SECONDS,
            )
        )

    def opened(self) -> None:
        """Count one client as connected."""
        self._clients.inc()

    def closed(self, code: int) -> None:
        """Count one client as gone."""
        self._clients.dec()
        self._closed.child(str(code) if code in _CODES else "other").inc()

    def answered(self, status: int) -> None:
        """Count one request that was answered, 101 included."""
        self._handshakes.child(str(status)).inc()

    def sent(self) -> None:
        """Count one message that was handed to a client."""
        self._sent.inc()

    def skipped(self) -> None:
        """Count one message that was replaced before its client took it."""
        self._skipped.inc()

    def feeds(self, count: int) -> None:
        """Tell how many feeds there are."""
        self._feeds.set(count)

    def poll(self, outcome: PollOutcome, seconds: float) -> None:
        """Count one question to the HTTP service."""
        self._polls.child(outcome).observe(seconds)


class Following:
    """What those are told who follow jobs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._subscriptions = Gauge(
            "gpuscope_stream_subscriptions", "Jobs that clients follow.", registry=registry
        )
        self._behind = Gauge(
            "gpuscope_stream_behind",
            "Subscriptions whose client has not taken all there is yet.",
            registry=registry,
        )
        self._frames = Family(
            Counter(
                "gpuscope_stream_frames_sent",
                "Frames of jobs handed to clients, by type.",
                ("type",),
                registry=registry,
            )
        )
        self._replays = Family(
            Counter(
                "gpuscope_stream_replays",
                "Clients that came back: recovered = they were told all they had missed, else how"
                " it is now.",
                ("outcome",),
                registry=registry,
            )
        )
        self._outages = Counter(
            "gpuscope_stream_store_outages",
            "Times that the database went away for those who follow jobs.",
            registry=registry,
        )
        self._delivery = Histogram(
            "gpuscope_stream_delivery_seconds",
            "Time from what a job's frame tells of to its sending.",
            registry=registry,
            buckets=_SECONDS,
        )

    def subscriptions(self, count: int) -> None:
        """Tell how many there are."""
        self._subscriptions.set(count)

    def behind(self, count: int) -> None:
        """Tell how many of them wait for their clients."""
        self._behind.set(count)

    def frame(self, kind: str) -> None:
        """Count one frame that was handed to one client."""
        self._frames.child(kind).inc()

    def replay(self, *, recovered: bool) -> None:
        """Count one client that came back."""
        self._replays.child("recovered" if recovered else "lost").inc()

    def outage(self) -> None:
        """Count that the database went away."""
        self._outages.inc()

    def delivered(self, seconds: float) -> None:
        """Note how long a frame took to its clients."""
        self._delivery.observe(max(0.0, seconds))
