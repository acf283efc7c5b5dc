"""Every question stays inside its cluster."""

import inspect
import re

import pytest

from queryapi.promql import queries
from queryapi.promql.queries import Query
from queryapi.promql.text import Matcher

_CLUSTER = (Matcher("cluster", "=", "prod"), Matcher("tenant", "=", 'a"b'))
_WRITTEN = 'cluster="prod",tenant="a\\"b"}'
_QUESTIONS = [
    function
    for name, function in inspect.getmembers(queries, inspect.isfunction)
    if function.__module__ == queries.__name__ and not name.startswith("_")
]


@pytest.mark.parametrize("question", _QUESTIONS)
def test_every_selector_of_every_question_names_the_cluster(question: Query) -> None:
    """No selector of a question lacks the cluster's matchers, so none sees another cluster."""
    text = question(_CLUSTER)
    selectors = re.findall(r"\{(?:[^{}\"]|\"(?:[^\"\\]|\\.)*\")*\}", text)

    assert selectors
    assert all(selector.endswith(_WRITTEN) for selector in selectors)


@pytest.mark.parametrize("question", _QUESTIONS)
def test_a_prometheus_of_one_cluster_needs_no_matchers(question: Query) -> None:
    """Without matchers the questions are still well formed."""
    assert ",}" not in question(())
    assert "{}" not in question(())


def test_there_are_six_questions() -> None:
    """The list above finds them: an empty list would prove nothing."""
    assert 6 == len(_QUESTIONS)
