"""A real Prometheus reads every value as what it is, and sees nobody else's series."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queryapi.errors import InvalidParameter, QueryRejected
from queryapi.outbound.transport import HttpTransport
from queryapi.promql.client import PrometheusClient
from queryapi.promql.decoding import MATRIX, VECTOR
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher, one_of, quote
from queryapi.settings import Cluster
from queryapi.telemetry.metrics import Metrics
from tests.support.prometheus import Prometheus, Target, prometheus

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)

_HOSTILE = [
    "",
    '"',
    "'",
    "`",
    "\\",
    '\\"',
    "\\\\",
    "a\nb",
    "a\rb",
    "a\r\nb",
    "a\tb",
    "{",
    "}",
    "{}",
    '"} or up{job="',
    '"} or up{',
    '",cluster="other"} or up{x="',
    "`} or up{x=`",
    "') or vector(1) #",
    "# a comment",
    "$1",
    "${1}",
    ".*",
    ".+",
    "a|b",
    "^$",
    "\\d+",
    "[^a]",
    "(?i)UP",
    "(?:",
    "(((",
    "*",
    "a{1000}",
    "(a{1000}){1000}",
    "(x+x+)+y",
    "\\Qa\\E",
    "\\",
    "\\x00",
    "\\u0041",
    "%22%7D",
    "+",
    "a+b&query=up",
    "\x00",
    "\x7f",
    "\x85",
    "\u2028",
    "\u2029",
    "\u202e",
    "\ufeff",
    "\ufffd",
    "\ufffe",
    "é",
    "e\u0301",
    "\U0001f600",
    "\U0010ffff",
    "x" * 10_240,
    '"' * 10_240,
    "\\" * 10_239,
]
_CLUSTER = '"} or {cluster="other'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with one series of a cluster of an unpleasant name, and one of another."""
    text = "\n".join(
        f"owned{{tenant={json.dumps(tenant)},namespace={json.dumps(namespace)}}} 1"
        for tenant in (_CLUSTER, "other")
        for namespace in ("ml", "m.", '"}')
    )
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        Target(text + "\n") as target,
        prometheus(folder, target, rules="groups: []") as running,
    ):
        client, deadline = client_of(running), time.monotonic() + 60
        while 6 != len(asked(client, "owned")) and time.monotonic() < deadline:
            time.sleep(0.1)
        client.close()
        yield running


@pytest.fixture(scope="module")
def client(server: Prometheus) -> Iterator[PrometheusClient]:
    """A client of that Prometheus."""
    made = client_of(server)
    yield made
    made.close()


def client_of(server: Prometheus) -> PrometheusClient:
    """Return a client of *server*."""
    cluster, transport = Cluster("c", server.url), HttpTransport(connect=5.0)
    return PrometheusClient(cluster, transport, seconds=30, metrics=Metrics("test").querying)


def asked(client: PrometheusClient, query: str) -> list[dict[str, str]]:
    """Return the labels of what *query* finds now."""
    return [sample.metric for sample in client.instant(query, at=time.time()).value]


def said_back(client: PrometheusClient, value: str) -> str:
    """Return the value as Prometheus read it from a string literal of ours."""
    # A `$` would be a reference in the replacement: doubled it is one dollar.
    [labels] = asked(
        client, f'label_replace(vector(1),"said",{quote(value.replace("$", "$$"))},"","")'
    )
    return labels.get("said", "")


@pytest.mark.parametrize("value", _HOSTILE, ids=range(len(_HOSTILE)))
def test_prometheus_reads_back_what_was_written(client: PrometheusClient, value: str) -> None:
    """Quotes, escapes, control characters and 10 KB of them arrive as they are."""
    assert value == said_back(client, value)


@given(anything)
@settings(max_examples=50)
def test_prometheus_reads_back_anything(client: PrometheusClient, value: str) -> None:
    """So does whatever else a client may send."""
    assert value == said_back(client, value)


@pytest.mark.parametrize("value", _HOSTILE, ids=range(len(_HOSTILE)))
def test_no_value_shows_another_clusters_series(client: PrometheusClient, value: str) -> None:
    """As a label's value, as one of several, or as a namespace: only the cluster's own is seen."""
    cluster = (Matcher("tenant", "=", _CLUSTER),)
    queries = [
        Selection(cluster).work("owned", one_of("namespace", value, "ml")),
        Selection(cluster, frozenset({value, "ml"})).work("owned"),
        Selection(cluster).hardware("owned", Matcher("namespace", "=", value)),
        Selection(cluster).hardware("owned", Matcher("namespace", "!=", value)),
    ]

    found = [asked(client, query) for query in queries]

    assert {"ml"} <= {labels["namespace"] for labels in found[0]} <= {"ml", value}
    assert found[0] == found[1]
    assert 3 == len(found[2]) + len(found[3])
    assert {_CLUSTER} == {labels["tenant"] for each in found for labels in each}


def test_a_value_as_a_pattern_matches_itself_alone(client: PrometheusClient) -> None:
    """A namespace `m.` is not taken for `ml`, and one that looks like PromQL is found."""
    cluster = (Matcher("tenant", "=", "other"),)

    for name in ("m.", '"}'):
        [labels] = asked(client, Selection(cluster, frozenset({name})).work("owned"))

        assert (name, "other") == (labels["namespace"], labels["tenant"])


def test_who_may_see_no_namespace_sees_nothing(client: PrometheusClient) -> None:
    """An empty list of namespaces is understood by Prometheus, and finds no series at all."""
    selection = Selection((Matcher("tenant", "=", _CLUSTER),), frozenset())

    assert [] == asked(client, selection.work("owned"))
    assert [] == asked(client, selection.work("up"))


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb"])
def test_a_value_that_cannot_be_sent_is_the_callers_mistake(value: str) -> None:
    """Half a character has no encoding: it is refused before anything is asked."""
    for matchers in (Matcher("a", "=", value), one_of("a", value)):
        with pytest.raises(InvalidParameter, match="not valid Unicode"):
            Selection(()).hardware("up", matchers)


def test_a_defect_of_ours_is_told_as_one(client: PrometheusClient) -> None:
    """What Prometheus cannot parse is told apart from Prometheus being ill."""
    with pytest.raises(QueryRejected, match="parse error"):
        asked(client, "up{")


def test_a_range_of_a_real_prometheus_is_read(client: PrometheusClient) -> None:
    """Points come at every step, the last one included."""
    [found] = client.range("vector(1)", start=100, end=160, step=30).value

    assert [(100.0, 1.0), (130.0, 1.0), (160.0, 1.0)] == list(found.points())


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("query", {"query": "owned"}),
        ("query_range", {"query": "up", "start": "0", "end": "9", "step": "9"}),
    ],
)
def test_answers_of_a_real_prometheus_are_read_in_pieces(
    server: Prometheus, path: str, form: dict[str, str]
) -> None:
    """They begin as expected: otherwise a large one would be held as a whole."""
    url = f"{server.url}/api/v1/{path}"
    with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode()) as reply:  # noqa: S310
        text = reply.read()

    assert (VECTOR if path == "query" else MATRIX).head.match(text)
