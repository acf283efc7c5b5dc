"""Label and field selectors: text → a test on an entry.

The grammars are apimachinery's (pkg/labels/selector.go, pkg/fields/selector.go). Labels know
`=`, `==`, `!=`, `in`, `notin`, `>`, `<`, `key` and `!key`; fields know `=`, `==` and `!=` with a
backslash before a literal `,`, `=` or backslash. Terms are joined by commas, which mean "and".
"""

import re
from collections.abc import Callable, Iterable

from demo.kubernetes.entries import Entry
from demo.kubernetes.errors import BadRequestError
from demo.kubernetes.resources import Resource

Test = Callable[[Entry], bool]
LabelTest = Callable[[dict[str, str]], bool]

_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_VALUE = re.compile(rf"(?:{_NAME})?")
_LABEL_KEY = re.compile(rf"(?:[a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_NAME}")
_FIELD_TERM = re.compile(r"((?:\\.|[^\\=!])*?)(!=|==|=)((?:\\[\\,=]|[^\\,=])*)")


def compile_selectors(resource: Resource, labels: str, fields: str) -> Test | None:
    """Return a test for both selectors of a request; None when both are empty.

    Raises:
        BadRequestError: When one cannot be parsed or names a field that cannot be selected by.
    """
    tests = [*_field_tests(resource, fields), *map(_on_labels, _LabelParser(labels).tests())]
    if not tests:
        return None
    return tests[0] if len(tests) == 1 else lambda entry: all(test(entry) for test in tests)


def _on_labels(test: LabelTest) -> Test:
    return lambda entry: test(entry.labels)


class _LabelParser:
    """Recursive descent over the tokens of a label selector."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def tests(self) -> list[LabelTest]:
        """Parse the whole selector; an empty one has no tests."""
        found: list[LabelTest] = []
        while self._peek():
            found.append(self._requirement())
            if self._peek():
                self._expect(",")
                if not self._peek():
                    raise self._error("a requirement after ','")
        return found

    def _requirement(self) -> LabelTest:
        if self._peek() == "!":
            self._take()
            key = self._key()
            return lambda labels: key not in labels
        key = self._key()
        operator = self._peek()
        if operator in {"", ","}:
            return lambda labels: key in labels
        return self._comparison(key, self._take())

    def _comparison(self, key: str, operator: str) -> LabelTest:
        match operator:
            case "=" | "==":
                value = self._value()
                return lambda labels: labels.get(key) == value
            case "!=":
                value = self._value()
                return lambda labels: labels.get(key) != value
            case "in":
                values = self._values()
                return lambda labels: labels.get(key) in values
            case "notin":
                values = self._values()
                return lambda labels: labels.get(key) not in values
            case ">" | "<":
                return _bound(key, operator, self._integer())
        raise self._error("one of =, ==, !=, in, notin, >, <")

    def _key(self) -> str:
        key = self._take()
        if not _LABEL_KEY.fullmatch(key):
            raise self._error(f"a label key, found {key!r}")
        return key

    def _value(self) -> str:
        value = "" if self._peek() in {"", ",", ")"} else self._take()
        if not _VALUE.fullmatch(value):
            raise self._error(f"a label value, found {value!r}")
        return value

    def _values(self) -> frozenset[str]:
        self._expect("(")
        values = {self._value()}
        while self._peek() == ",":
            self._take()
            values.add(self._value())
        self._expect(")")
        return frozenset(values)

    def _integer(self) -> int:
        text = self._value()
        try:
            return int(text)
        except ValueError:
            raise self._error(f"an integer, found {text!r}") from None

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, token: str) -> None:
        found = self._take()
        if found != token:
            raise self._error(f"{token!r}, found {found!r}")

    def _error(self, expected: str) -> BadRequestError:
        return BadRequestError(
            f"unable to parse requirement of {self._text!r}: expected {expected}"
        )


def _bound(key: str, operator: str, bound: int) -> LabelTest:
    """Compare a label that holds an integer; any other label does not match."""

    def test(labels: dict[str, str]) -> bool:
        try:
            value = int(labels.get(key, ""))
        except ValueError:
            return False
        return value > bound if operator == ">" else value < bound

    return test


def _field_tests(resource: Resource, text: str) -> Iterable[Test]:
    positions = {field.label: at for at, field in enumerate(resource.fields)}
    for term in re.findall(r"(?:\\.|[^,])+", text):
        parsed = _FIELD_TERM.fullmatch(term)
        if parsed is None:
            raise BadRequestError(f"invalid selector: {text!r}; can't understand {term!r}")
        label, operator, escaped = parsed.groups()
        if label not in positions:
            raise BadRequestError(f"field label not supported: {label}")
        value = re.sub(r"\\(.)", r"\1", escaped)
        yield _field_test(positions[label], value, wanted=operator != "!=")


def _field_test(position: int, value: str, *, wanted: bool) -> Test:
    return lambda entry: (entry.fields[position] == value) is wanted
