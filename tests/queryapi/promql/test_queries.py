"""Every question stays inside its cluster, and shows the work of the namespaces it may show."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.promql import queries
from queryapi.promql.queries import Query
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher, one_of, regex_quote

_CLUSTER = (Matcher("cluster", "=", "prod"), Matcher("tenant", "=", 'a"b'))
_WRITTEN = 'cluster="prod",tenant="a\\"b"}'
_QUESTIONS = [
    function
    for name, function in inspect.getmembers(queries, inspect.isfunction)
    if function.__module__ == queries.__name__ and not name.startswith("_")
]
# Never asked for somebody who may see some namespaces only: these numbers add up everybody's work.
_OF_EVERYBODY = (queries.totals, queries.nodes)
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)?(\{(?:[^{}\"]|\"(?:[^\"\\]|\\.)*\")*\})")
# What has no label `namespace` and tells of nobody's work.
_HARDWARE = re.compile(
    r"cluster:gpu_(evaluation_timestamp_seconds:max|snapshot_timestamp_seconds:max"
    r"|state_timestamp_seconds:min|capacity:sum|free:sum|free_nodes:count|free_block:max)"
    r"|node:gpu_(capacity:sum|ready:min|cordoned:max)|gpu_node_ready"
)
_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)


def selectors(text: str) -> list[tuple[str, str]]:
    """Return every selector of a query: a name or nothing, and the matchers."""
    return _SELECTOR.findall(text)


@pytest.mark.parametrize("question", _QUESTIONS)
@pytest.mark.parametrize("namespaces", [None, frozenset({"ml"})])
def test_every_selector_of_every_question_names_the_cluster(
    question: Query, namespaces: frozenset[str] | None
) -> None:
    """No selector of a question lacks the cluster's matchers, so none sees another cluster."""
    found = selectors(question(Selection(_CLUSTER, namespaces)))

    assert found
    assert all(matchers.endswith(_WRITTEN) for _, matchers in found)


@pytest.mark.parametrize("question", [q for q in _QUESTIONS if q not in _OF_EVERYBODY])
@given(namespaces=st.frozensets(_NAMES, min_size=1, max_size=3))
def test_every_selector_of_work_names_the_namespaces(
    question: Query, namespaces: frozenset[str]
) -> None:
    """For a limited caller a selector names its namespaces, or tells of hardware alone."""
    only = str(one_of("namespace", *sorted(namespaces)))
    objects = "|".join(sorted(map(regex_quote, namespaces)))
    events = str(Matcher("object", "=~", f"(?:{objects})/.+"))
    for name, matchers in selectors(question(Selection(_CLUSTER, namespaces))):
        names = [name] if name else named(matchers)
        assert (
            f",{only}," in f",{matchers[1:]}"
            or events in matchers
            or all(_HARDWARE.fullmatch(known) for known in names)
        )


def named(matchers: str) -> list[str]:
    """Return the metric names that a selector without one name lists."""
    found = re.match(r'\{__name__=~"([A-Za-z0-9_:|]+)"', matchers)
    assert found, f"not a list of names: {matchers}"
    return found[1].split("|")


@pytest.mark.parametrize("question", _QUESTIONS)
def test_a_prometheus_of_one_cluster_needs_no_matchers(question: Query) -> None:
    """Without matchers the questions are still well formed."""
    text = question(Selection(()))

    assert ",}" not in text
    assert "{}" not in text


def test_there_are_ten_questions() -> None:
    """The list above finds them: an empty list would prove nothing."""
    assert 10 == len(_QUESTIONS)


def test_what_work_holds_is_asked_in_one_question() -> None:
    """By node, on Ready nodes, and how much runs; two exporters' words count once."""
    limits = 'namespace=~"a\\\\.b|c",cluster="x"'
    held = f"max by(namespace,pod,uid,node) (gpu_pod_allocated{{{limits}}})"
    running = f'max by(namespace,pod,uid) (gpu_pod_state{{phase="Running",{limits}}})'
    ready = 'gpu_node_ready{cluster="x"} == 1'

    assert (
        f'label_replace(sum by(node) ({held}), "told", "node", "", "") or '
        f'label_replace(sum({held} and on(node) ({ready})), "told", "allocated", "", "") or '
        f'label_replace(count({running}), "told", "running", "", "")'
    ) == queries.holdings(Selection((Matcher("cluster", "=", "x"),), frozenset({"a.b", "c"})))
