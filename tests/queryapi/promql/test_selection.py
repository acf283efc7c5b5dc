"""Whatever a client sends, a selector sees one cluster, and only the namespaces it may."""

import ast
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import queryapi
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher, one_of
from tests.support.promql_tokens import matchers_of

anything = st.text(st.characters(exclude_categories=["Cs"]))
# A label's name says who wrote a matcher, so that none of ours is taken for another's.
_clusters = st.lists(
    st.builds(Matcher, st.sampled_from(["cluster", "tenant"]), st.just("="), anything)
)
_asked = st.lists(
    st.builds(Matcher, st.just("label"), st.sampled_from(["=", "!=", "=~", "!~"]), anything)
    | st.lists(anything, min_size=1).map(lambda values: one_of("label", *values))
)
_namespaces = st.none() | st.frozensets(anything)
_METRIC = "gpu_pod_info"


def listed(*matchers: Matcher) -> list[tuple[str, str, str]]:
    """Return matchers as the tokenizer tells them."""
    return [(matcher.label, matcher.op, matcher.value) for matcher in matchers]


@given(_clusters, _asked)
def test_a_selector_holds_what_was_asked_and_the_cluster_and_nothing_else(
    cluster: list[Matcher], asked: list[Matcher]
) -> None:
    """Values neither end their string nor add a matcher; the cluster's are there as they are."""
    written = Selection(tuple(cluster)).hardware(_METRIC, *asked)

    assert (_METRIC, listed(*asked, *cluster)) == matchers_of(written)


@given(_clusters, _asked, _namespaces)
def test_work_is_that_of_the_namespaces_alone(
    cluster: list[Matcher], asked: list[Matcher], namespaces: frozenset[str] | None
) -> None:
    """Between what was asked and the cluster stands one condition that only they meet."""
    written = Selection(tuple(cluster), namespaces).work(_METRIC, *asked)
    _, found = matchers_of(written)
    between = found[len(asked) : len(found) - len(cluster)]

    assert listed(*asked) == found[: len(asked)]
    assert listed(*cluster) == found[len(found) - len(cluster) :]
    names = sorted((namespaces or frozenset()) - {""})
    if namespaces is None:
        assert [] == between
    elif names:
        assert listed(one_of("namespace", *names)) == between
    else:
        assert [("namespace", "=", ""), ("namespace", "!=", "")] == between


def test_hardware_is_nobodys() -> None:
    """Series of machines are not asked for by namespace."""
    selection = Selection((Matcher("cluster", "=", "c"),), frozenset({"ml"}))

    assert 'node:gpu_ready:min{cluster="c"}' == selection.hardware("node:gpu_ready:min")


def test_no_selector_is_written_without_a_selection() -> None:
    """Nothing that answers uses what writes selectors, so none can forget the cluster.

    The doctor looks beyond a cluster's matchers on purpose: for what carries no such label.
    """
    root = Path(queryapi.__file__).parent
    users = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and node.module == "queryapi.promql.text"
        and any(name.name == "selector" for name in node.names)
    }

    doctor = {f"commands/diagnosis/{name}.py" for name in ("absence", "examination", "instruments")}
    assert {"promql/selection.py"} | doctor == users
