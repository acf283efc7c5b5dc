"""A value can never leave the string it is put into."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.errors import InvalidParameter
from queryapi.promql.text import Matcher, name_starts_with, one_of, quote, regex_quote, selector

# Everything a client can send; lone surrogates have a test of their own.
anything = st.text(st.characters(exclude_categories=["Cs"]))
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"'}


def go_string(literal: str) -> str:
    """Read a Go interpreted string literal, refusing what Go's grammar refuses."""
    assert literal.startswith('"')
    said, rest = [], literal[1:]
    while not rest.startswith('"'):
        character, rest = rest[0], rest[1:]
        assert character != "\n", "a newline ends the literal"
        if character != "\\":
            said.append(character)
            continue
        kind, rest = rest[0], rest[1:]
        digits = {"u": 4, "U": 8}.get(kind, 0)
        said.append(chr(int(rest[:digits], 16)) if digits else _SIMPLE[kind])
        rest = rest[digits:]
    assert rest == '"', "text follows the literal"
    return "".join(said)


@given(anything)
def test_a_quoted_value_reads_back_as_itself(value: str) -> None:
    """Whatever a value holds, the literal ends where it should and says exactly the value."""
    assert value == go_string(quote(value))


@given(anything)
def test_a_quoted_value_is_printable(value: str) -> None:
    """No control character reaches a log or a terminal by way of a query."""
    assert quote(value).isprintable()


@given(anything, anything)
def test_a_quoted_regular_expression_matches_its_value_alone(value: str, other: str) -> None:
    """A value used as a pattern matches itself and nothing else."""
    pattern = re.compile(regex_quote(value))

    assert pattern.fullmatch(value)
    assert (value == other) == bool(pattern.fullmatch(other))


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb"])
def test_half_a_character_is_refused(value: str) -> None:
    """A lone surrogate cannot be sent as UTF-8, so it is refused as the caller's mistake."""
    with pytest.raises(InvalidParameter, match="not valid Unicode"):
        quote(value)


@pytest.mark.parametrize(
    ("expected", "given_selector"),
    [
        ("up", selector("up")),
        ('up{job="a\\"b"}', selector("up", Matcher("job", "=", 'a"b'))),
        (
            '{__name__=~"node:gpu_.+",x!="1"}',
            selector(name_starts_with("node:gpu_"), Matcher("x", "!=", "1")),
        ),
        ('{a=~"b\\\\.c|d"}', selector(one_of("a", "b.c", "d"))),
    ],
)
def test_selectors_read_as_written_by_hand(expected: str, given_selector: str) -> None:
    """A selector is the text one would write oneself."""
    assert expected == given_selector


@pytest.mark.parametrize("name", ["", "9a", 'up{job="x"}', "a b", "ü"])
def test_only_metric_names_are_metric_names(name: str) -> None:
    """A metric's name cannot smuggle a selector in."""
    with pytest.raises(ValueError, match="not a metric name"):
        selector(name)


@pytest.mark.parametrize("label", ["", "a-b", 'x="1",y', "a:b"])
def test_only_label_names_are_label_names(label: str) -> None:
    """A label's name cannot smuggle a matcher in."""
    with pytest.raises(ValueError, match="not a label name"):
        selector("up", Matcher(label, "=", "1"))


def test_any_of_none_is_no_condition_that_can_be_written() -> None:
    """No value at all must not become the pattern that a missing label matches."""
    with pytest.raises(ValueError, match="no value of 'namespace'"):
        one_of("namespace")
