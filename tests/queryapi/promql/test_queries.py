"""Every question stays inside its cluster, and shows the work of the namespaces it may show."""

import inspect
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.promql import nativelinkqueries, poolqueries, queries, schedulingqueries
from queryapi.promql.queries import Query
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher, one_of, regex_quote

_CLUSTER = (Matcher("cluster", "=", "prod"), Matcher("tenant", "=", 'a"b'))
_WRITTEN = 'cluster="prod",tenant="a\\"b"}'
# What questions take besides the selection. Of many pods another question is asked than of few.
_GIVEN: dict[str, tuple[Any, ...]] = {
    "within": (300,),
    "uids": (("a",), tuple(map(str, range(2000)))),
}


def _with_everything_given(function: Callable[..., str]) -> Iterator[Query]:
    """Return the question with every choice of what it takes."""
    names = [name for name in inspect.signature(function).parameters if name in _GIVEN]
    for values in product(*map(_GIVEN.__getitem__, names)):
        given = dict(zip(names, values, strict=True))
        yield partial(function, **given) if given else function


_QUESTIONS = [
    question
    for module in (queries, nativelinkqueries, poolqueries, schedulingqueries)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")
    for question in _with_everything_given(function)
]
# Never asked for somebody who may see some namespaces only: these numbers add up everybody's work.
_OF_EVERYBODY = (
    queries.totals,
    queries.nodes,
    schedulingqueries.completions,
    poolqueries.pool_nodes,
)
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)?(\{(?:[^{}\"]|\"(?:[^\"\\]|\\.)*\")*\})")
# What has no label `namespace` and tells of nobody's work.
_HARDWARE = re.compile(
    r"cluster:gpu_(evaluation_timestamp_seconds:max|snapshot_timestamp_seconds:max"
    r"|state_timestamp_seconds:min|capacity:sum|free:sum|free_nodes:count|free_block:max)"
    r"|node:gpu_(capacity:sum|ready:min|cordoned:max|free_block:max)"
    r"|node:pool_identity_timestamp_seconds:max|gpu_pool_node_(ready|cordoned)"
    r"|cluster:pool_nodes:count"
    r"|pool:(nodes:count|nodes_ready:sum|nodes_cordoned:sum|gpu_allocatable:sum|gpu_free:sum)"
    r"|gpu_node_(info|ready|cordoned|problem|allocatable|free|allocatable_cpu_cores"
    r"|allocatable_memory_bytes|device_memory_bytes|created_timestamp_seconds"
    r"|ready_since_timestamp_seconds)"
    r"|gpu_cluster_state_timestamp_seconds|gpu_up|gpu_driver_info"
    r"|gpu_exporter_(driver_up|last_collection_timestamp_seconds)"
    r"|(nativelink_)?worker_(connected|state)_count"
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


def test_there_are_twenty_eight_questions() -> None:
    """The list above finds them: an empty list would prove nothing."""
    assert 28 == len(_QUESTIONS)


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
