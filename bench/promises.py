"""All that is promised about speed and size, and by whom; each is a budget of at least one figure.

What documents promise that no figure bounds is in `ELSEWHERE`, with what holds it.
"""

from figures import OWN, Budget, Of

_CLUSTER = "cluster exporter, 10,000 nodes and 100,000 pods: "
_NODE = "node exporter, 8 GPUs: "
_WEBSOCKETS = "5,000 WebSockets: "

HIT = Budget("status and running tasks, cached: slowest of 99 %", "000", 100, "ms")
MISS = Budget("status and running tasks, not cached: slowest of 95 %", "000", 1000, "ms")
MISS_OF_ALL = Budget("status with all includes, not cached: slowest of 95 %", "000", 1500, "ms")
CLIENT_TIMEOUT = Budget("no client gives up: slowest answer of all", "000", 5000, "ms")
FEWER_QUERIES = Budget(
    "thirty times fewer queries than without a cache", "000", 1 / 30, "queries", of=Of.RATIO
)
METRICS_CLAIM = Budget("real-time metrics: median, as its document claims", "001", 10, "ms")
METRICS_P95 = Budget("real-time metrics: slowest of 95 %", "001", 300, "ms")
METRICS_P99 = Budget("real-time metrics: slowest of 99 %", "001", 500, "ms")
METRICS_HITS = Budget("real-time metrics: ready when asked for", "001", 80, "%", least=True)
METRICS_LOAD = Budget(
    "real-time metrics: requests/s of 100 and 200 that are answered",
    "001",
    0.99,
    "requests/s",
    of=Of.RATIO,
    least=True,
)
METRICS_MEMORY = Budget("real-time metrics: memory, as aimed at", "001", 50, "MB", aim=True)
METRICS_MEMORY_MOST = Budget("real-time metrics: memory", "001", 100, "MB")

OWN_METRICS_P95 = Budget("real-time metrics, tighter: slowest of 95 %", OWN, 20, "ms")
OWN_METRICS_P99 = Budget("real-time metrics, tighter: slowest of 99 %", OWN, 50, "ms")
OWN_METRICS_HITS = Budget(
    "real-time metrics, tighter: ready when asked for", OWN, 95, "%", least=True
)
CACHED = Budget(
    "cached answers: of the requests/s of a bare WSGI app",
    OWN,
    0.75,
    "requests/s",
    of=Of.RATIO,
    least=True,
)
CACHED_P99 = Budget("cached answers at 200 requests/s: slowest of 99 %", OWN, 20, "ms")
COLD = Budget(
    "status of 80,000 GPUs, not cached: of its slowest query alone", OWN, 1.5, "ms", of=Of.RATIO
)
COLD_P95 = Budget("status of 80,000 GPUs, not cached: slowest of 95 %", OWN, 300, "ms")
UPSTREAM = Budget(
    "queries to Prometheus: of those of a single client, whatever their number",
    OWN,
    1,
    "queries",
    of=Of.RATIO,
)
ANSWERED = Budget(
    "of a thousand clients at the moment of expiry, without an answer", OWN, 0, "clients"
)
API_MEMORY = Budget("memory of a process of the query API, at its peak", OWN, 100, "MB")

REFUSED_SLOWEST = Budget(
    "a wrong token is refused, of one that is wrong in its first character: at most",
    OWN,
    1.1,
    "µs",
    of=Of.RATIO,
)
REFUSED_SOONEST = Budget(
    "a wrong token is refused, of one that is wrong in its first character: at least",
    OWN,
    0.9,
    "µs",
    of=Of.RATIO,
    least=True,
)

INGEST = Budget(
    "reports of 64 workers: of what is stored with a transaction for each",
    OWN,
    5,
    "reports/s",
    of=Of.RATIO,
    least=True,
)
INGEST_P99 = Budget("reports at 200/s over HTTP: slowest of 99 %", OWN, 100, "ms")

SUBSCRIBERS = Budget(
    _WEBSOCKETS + "of them that hear every message", OWN, 1, "clients", of=Of.RATIO, least=True
)
SUBSCRIBER_MEMORY = Budget(_WEBSOCKETS + "memory of each", OWN, 20, "KiB")
MESSAGE_P99 = Budget(_WEBSOCKETS + "one message to all, slowest of 99 %", OWN, 250, "ms")
NO_LEAK = Budget(
    _WEBSOCKETS + "memory when as many have come and left again", OWN, 1.1, "MB", of=Of.RATIO
)
HTTP_UNMOVED = Budget(
    _WEBSOCKETS + "HTTP meanwhile, slowest of 99 %, of what it is without them",
    OWN,
    1.25,
    "ms",
    of=Of.RATIO,
)

NODE_SCRAPE = Budget(_NODE + "median scrape", OWN, 5, "ms")
NODE_WAITS_NOT = Budget(_NODE + "median scrape while a call of the driver hangs", OWN, 5, "ms")
NODE_MEMORY = Budget(_NODE + "memory", OWN, 60, "MB")
NODE_CPU = Budget(_NODE + "CPU at an interval of 5 s", OWN, 1, "%")
CLUSTER_SCRAPE = Budget(_CLUSTER + "median scrape", OWN, 0.3, "s")
CLUSTER_MEMORY = Budget(_CLUSTER + "memory, at its peak", OWN, 1200, "MB")
CLUSTER_CHANGE = Budget(_CLUSTER + "until a change can be read, slowest of 99 %", OWN, 1, "s")
CLUSTER_SYNC = Budget(_CLUSTER + "first sync", OWN, 60, "s")
RULES = Budget(
    "each group of rules and alerts, 80,000 GPUs: of its interval", OWN, 10, "%", aim=True
)

_SOAK = "all of it at once for ten minutes: "
SOAK_READS = Budget(_SOAK + "reads without an answer", OWN, 0, "reads")
SOAK_STALE = Budget(_SOAK + "answers that are older than promised", OWN, 0, "answers")
SOAK_UNTRUE = Budget(_SOAK + "answers that were not true of their moment", OWN, 0, "answers")
SOAK_LOST = Budget(_SOAK + "jobs of which an acknowledged report is lost", OWN, 0, "jobs")
SOAK_FRAMES = Budget(_SOAK + "frames not delivered once, in order", OWN, 0, "frames")
SOAK_DROPPED = Budget(_SOAK + "subscribers that were dropped", OWN, 0, "subscribers")

ALL: tuple[Budget, ...] = tuple(each for each in list(vars().values()) if isinstance(each, Budget))
"""In the order of this page."""

ELSEWHERE: tuple[tuple[str, str, str], ...] = (
    ("000", "cached for 30 s, for each cluster by itself", "default of `cache.ttl`; tests"),
    (
        "000",
        "data at most 30 s old; a client warns after 60 s",
        "its age is told; tests",
    ),
    ("000", "500 requests a minute for an endpoint, 1,000 at once", "defaults of `limits`; tests"),
    (
        "000",
        "dashboards ask every 30 s, monitoring 60 s, alerting 15 s",
        "far less than is measured",
    ),
    (
        "001",
        "5 s for each service, 2 s for a source",
        "defaults of `timeouts`; tests",
    ),
    ("001", "cached for 5 to 10 s; one call instead of 6 to 10", "one answer tells all; tests"),
    ("002", "1,000 operations by default; a limit of 3,600 s", "defaults; tests"),
    ("003", "nothing in numbers", ""),
    ("004", "a worker reports every 10 s", "200 reports/s are 2,000 workers"),
    ("004", "100 log lines, 60 s of samples, 30 points of a chart", "defaults; tests"),
)
"""What documents promise in numbers that is no speed or size: source, promise, what holds it."""
