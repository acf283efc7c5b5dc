"""Label and field selectors, against the grammar of apimachinery."""

from collections.abc import Mapping

import pytest

from demo.kubernetes import resources
from demo.kubernetes.entries import Entry
from demo.kubernetes.errors import BadRequestError
from demo.kubernetes.selectors import compile_selectors
from demo.kubernetes.store import Store
from tests.support.cluster_objects import node, pod

PODS = resources.named("pods")
NODES = resources.named("nodes")


def entry(content: Mapping[str, object], resource: resources.Resource = PODS) -> Entry:
    """Return an object as the store keeps it."""
    store = Store()
    store.put(content)
    return store.snapshot(resource).entries[0]


def matches(labels: str = "", fields: str = "", **has: str) -> bool:
    """Tell whether a pod with labels *has* is selected."""
    test = compile_selectors(PODS, labels, fields)
    return test is None or test(entry(pod("p1", node_name="n1", labels=has)))


@pytest.mark.parametrize(
    ("selector", "selected", "others"),
    [
        ("a", [{"a": ""}, {"a": "1"}], [{}, {"b": "1"}]),
        ("!a", [{}, {"b": "1"}], [{"a": ""}]),
        ("! a", [{}], [{"a": ""}]),
        ("a=1", [{"a": "1"}], [{}, {"a": "2"}]),
        ("a==1", [{"a": "1"}], [{}, {"a": "2"}]),
        ("a=", [{"a": ""}], [{}, {"a": "1"}]),
        ("a!=1", [{}, {"a": "2"}], [{"a": "1"}]),
        ("a in (1,2)", [{"a": "1"}, {"a": "2"}], [{}, {"a": "3"}]),
        ("a in(1, )", [{"a": "1"}, {"a": ""}], [{}, {"a": "3"}]),
        ("a notin (1,2)", [{}, {"a": "3"}], [{"a": "1"}, {"a": "2"}]),
        ("a>5", [{"a": "6"}], [{}, {"a": "5"}, {"a": "x"}]),
        ("a < 5", [{"a": "-4"}, {"a": "4"}], [{}, {"a": "5"}]),
        ("a=1,b", [{"a": "1", "b": ""}], [{"a": "1"}, {"b": ""}]),
        (" a = 1 , b notin (x) ", [{"a": "1"}], [{"a": "1", "b": "x"}]),
        ("in in (in)", [{"in": "in"}], [{}]),
    ],
)
def test_label_selectors_select_what_kubernetes_would(
    selector: str, selected: list[dict[str, str]], others: list[dict[str, str]]
) -> None:
    """Every operator, blanks anywhere, absent keys as documented."""
    assert [True] * len(selected) == [matches(selector, **has) for has in selected]
    assert [False] * len(others) == [matches(selector, **has) for has in others]


def test_a_label_key_may_have_a_domain() -> None:
    """The keys that matter for GPUs all do."""
    test = compile_selectors(PODS, "nvidia.com/gpu.product in (H100, A100)", "")

    assert test is not None
    assert test(entry(pod("p1", labels={"nvidia.com/gpu.product": "H100"})))


@pytest.mark.parametrize(
    "selector",
    [
        "a b",
        "a in",
        "a in 1",
        "a in (1",
        "=1",
        "a=1,",
        "a=1 2",
        "-a",
        "a=-1-",
        "a>x",
        "a,,b",
        "a!b",
    ],
)
def test_a_label_selector_that_is_none_is_a_bad_request(selector: str) -> None:
    """The answer is 400 and repeats the selector."""
    with pytest.raises(BadRequestError, match="unable to parse requirement"):
        matches(selector)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("spec.nodeName=n1", True),
        ("spec.nodeName==n1", True),
        ("spec.nodeName!=n1", False),
        ("status.phase!=Succeeded,status.phase!=Failed", True),
        ("status.phase=Failed", False),
        ("spec.hostNetwork=false", True),
        ("spec.restartPolicy=", True),
        ("metadata.name=p1,metadata.namespace=default", True),
        (r"metadata.name=p\,1", False),
        ("", True),
    ],
)
def test_field_selectors_select_what_kubernetes_would(selector: str, *, expected: bool) -> None:
    """Terms are joined by and; absent fields select as their default."""
    assert expected is matches(fields=selector)


@pytest.mark.parametrize(
    ("selector", "complaint"),
    [
        ("spec.containers=x", "field label not supported: spec.containers"),
        ("spec.nodeName", "can't understand"),
        (r"metadata.name=a\b", "can't understand"),
    ],
)
def test_a_field_selector_that_is_none_is_a_bad_request(selector: str, complaint: str) -> None:
    """Unknown fields and malformed terms are told apart."""
    with pytest.raises(BadRequestError, match=complaint):
        matches(fields=selector)


def test_cordoned_nodes_can_be_selected() -> None:
    """spec.unschedulable selects as true or, when absent, false."""
    cordoned = node("n1") | {"spec": {"unschedulable": True}}
    test = compile_selectors(NODES, "", "spec.unschedulable=true")

    assert test is not None
    assert [True, False] == [test(entry(cordoned, NODES)), test(entry(node("n2"), NODES))]


def test_events_can_be_selected_by_what_they_are_about() -> None:
    """The selector the exporter uses: everything but Normal, about pods."""
    event = {
        "kind": "Event",
        "metadata": {"name": "e1"},
        "involvedObject": {"kind": "Pod", "name": "p1"},
        "type": "Warning",
        "source": {"component": "kubelet"},
    }
    selector = "type!=Normal,involvedObject.kind=Pod,source=kubelet"
    test = compile_selectors(resources.named("Event"), "", selector)

    assert test is not None
    assert test(entry(event, resources.named("Event")))
