"""A body is JSON that has one meaning, or it is refused with the reason."""

import json

import pytest
from flask import Request
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from queryapi.api.bodies import body_of, decoded
from queryapi.errors import InvalidParameter, QueryApiError, UnsupportedContent

_CUT = "the body ends too early: it is no whole JSON value"
_DEEP = "the body is nested too deeply"
_NO_KEY = "expecting property name enclosed in double quotes"
_HALF = "the body holds half of a surrogate pair"


@pytest.mark.parametrize(
    ("expected", "data"),
    [
        ("the body is empty: it must be a JSON object", b""),
        ("the body is empty: it must be a JSON object", b" \r\n\t"),
        (_CUT, b"{"),
        (_CUT, b'{"name": '),
        (_CUT, b'{"name": "ML'),
        (_CUT, b'{"name": tru'),
        (_CUT, b'{"name": 1'),
        (_CUT, b'{"name": [1,'),
        ("the body must be a JSON object", b"[]"),
        ("the body must be a JSON object", b"null"),
        ("the body must be a JSON object", b'"{}"'),
        ("the body must be a JSON object", b"7"),
        ("NaN is no number in JSON", b'{"a": NaN}'),
        ("Infinity is no number in JSON", b'{"a": [Infinity]}'),
        ("-Infinity is no number in JSON", b'{"a": {"b": -Infinity}}'),
        ("the number 1e999 is too large", b'{"a": 1e999}'),
        ("the number -1e999 is too large", b'{"a": -1e999}'),
        ("a number of more than 18 digits is too large", b'{"a": 1000000000000000000}'),
        ("a number of more than 18 digits is too large", b'{"a": -%s}' % (b"9" * 100_000)),
        ('the key "a" is there twice in one object', b'{"a": 1, "b": 2, "a": 1}'),
        ('the key "b" is there twice in one object', b'{"a": [{"b": 1, "b": 1}]}'),
        ('the key "a" is there twice in one object', b'{"a": 1, "\\u0061": 2}'),
        ("the body is not UTF-8: see byte 0", b"\xff\xfe{\x00}\x00"),
        ("the body is not UTF-8: see byte 7", b'{"a": "\xe9"}'),
        ("the body is not UTF-8: see byte 7", b'{"a": "\xed\xa0\x80"}'),
        (_HALF, b'{"a": "\\ud800"}'),
        (_HALF, b'{"\\udc00": 1}'),
        (_HALF, b'{"a": ["\\ude00\\ud83d"]}'),
        ("the body begins with a byte order mark: leave it out", b"\xef\xbb\xbf{}"),
        (_DEEP, b"[" * 500_000),
        (_DEEP, b'{"a":' * 100_000),
        (_DEEP, b"[" * 5_000 + b"]" * 5_000),
        ("the body is not JSON: extra data at line 2, column 1", b"{}\nx"),
        ("the body is not JSON: extra data at line 1, column 3", b"{}{}"),
        (
            f"the body is not JSON: {_NO_KEY} at line 1, column 2",
            b"{'name': 1}",
        ),
        ("the body is not JSON: invalid control character at line 1, column 8", b'{"a": "\n"}'),
        ("the body is not JSON: expecting ',' delimiter at line 1, column 8", b'{"a": 01}'),
        ("the body is not JSON: expecting value at line 1, column 7", b'{"a": undefined}'),
    ],
)  # fmt: skip
def test_what_has_no_one_meaning_is_refused(expected: str, data: bytes) -> None:
    """With what is wrong, and where that can be told."""
    with pytest.raises(InvalidParameter) as refused:
        decoded(data)

    assert expected == str(refused.value)


def test_what_is_json_is_taken() -> None:
    """Whatever the order and the space, and all of Unicode, escaped or not."""
    first = decoded('{"a": "ü😀", "b": [1, 2.5, true, null]}'.encode())
    again = decoded(b'\n{"b":[1,2.5e0,true,null],"a":"\\u00fc\\ud83d\\ude00"}\n')

    assert {"a": "ü😀", "b": [1, 2.5, True, None]} == first.fields
    assert first.digest == again.digest
    assert first.digest != decoded(b'{"a": 1}').digest != decoded(b'{"a": 1.0}').digest
    assert {"a": 999_999_999_999_999_999} == decoded(b'{"a": 999999999999999999}').fields


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
@example(b"\x00")
@example(b'{"a":-}')
@example(b'{"":""}')
def test_no_bytes_are_a_defect(data: bytes) -> None:
    """They are an object, or they are refused on purpose."""
    try:
        body = decoded(data)
    except QueryApiError:
        return

    assert json.loads(data) == body.fields


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18) + 1, 10**18 - 1) | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=5), _JSON, max_size=4))
def test_every_object_is_read_as_it_is(value: dict[str, object]) -> None:
    """What another program writes as JSON arrives."""
    assert value == decoded(json.dumps(value).encode()).fields
    assert value == decoded(json.dumps(value, ensure_ascii=False).encode()).fields


@given(_JSON.map(lambda value: json.dumps({"a": value}).encode()), st.data())
def test_no_part_of_an_object_is_taken_for_it(whole: bytes, data: st.DataObject) -> None:
    """A body that was cut off is refused, wherever that happened."""
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(InvalidParameter):
        decoded(whole[:cut])


def _request(**headers: str) -> Request:
    return Request(EnvironBuilder(method="POST", data=b"{}", headers=headers.items()).get_environ())


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; charset=utf8; profile=x",
    ],
)
def test_json_is_called_so(kind: str) -> None:
    """In any case, in UTF-8."""
    assert {} == body_of(_request(**{"Content-Type": kind})).fields


@pytest.mark.parametrize(
    "kind",
    [
        "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", ";",
        "application/merge-patch+json", "application/json; charset=utf-16",
        "application/json; charset=latin-1", "multipart/form-data; boundary=x", "*/*",
    ],
)  # fmt: skip
def test_what_is_not_called_json_is_not_read(kind: str) -> None:
    """However much it looks like it: a page of another origin may send such a thing unasked."""
    with pytest.raises(UnsupportedContent, match=r"^Content-Type must be application/json$"):
        body_of(_request(**({"Content-Type": kind} if kind else {})))


def test_a_packed_body_is_not_unpacked() -> None:
    """Nobody makes this service read more than was sent."""
    kind = {"Content-Type": "application/json"}
    with pytest.raises(UnsupportedContent, match=r"^Content-Encoding must be left out"):
        body_of(_request(**kind, **{"Content-Encoding": "gzip"}))

    assert {} == body_of(_request(**kind, **{"Content-Encoding": "Identity"})).fields
