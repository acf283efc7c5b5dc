"""An answer read in pieces says what the whole one says, and nothing that it does not."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.errors import UpstreamUnavailable
from queryapi.promql.decoding import MATRIX, VECTOR, Answer, Notices

# What a cut could be mistaken about stands in labels more often than chance would put it there.
_words = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ['},{"metric"', '"]},{"metric":{', '\\"},{\\"metric', "]}", '"result":[', "\\", '"']
)
_labels = st.dictionaries(_words, _words, max_size=3)
_COMPACT = (",", ":")


def body(elements: object, kind: str = "vector", **more: Any) -> bytes:
    """Return an answer as Prometheus writes it."""
    data = {"resultType": kind, "result": elements}
    answer = {"status": "success", "data": data, **more}
    return json.dumps(answer, separators=_COMPACT, ensure_ascii=False).encode()


def cut(text: bytes, places: Sequence[int]) -> Iterator[bytes]:
    """Cut *text* at *places*."""
    ends = sorted({place % (len(text) + 1) for place in places})
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        yield text[start:end]


def read(*chunks: bytes, most: int = 100) -> tuple[list[tuple[dict[str, str], float]], Notices]:
    """Return the labels and values that an answer holds, and what is said beside them."""
    answer = Answer(chunks, VECTOR, most)
    found = [(sample.metric, sample.value) for sample in answer]
    return found, answer.finish()


@given(st.lists(_labels, max_size=5), st.lists(st.integers(min_value=0), max_size=20))
def test_wherever_it_is_cut_it_says_the_same(
    labels: list[dict[str, str]], places: list[int]
) -> None:
    """Neither labels nor the network's packets can make a sample of what is none."""
    text = body([{"metric": one, "value": [1, "2"]} for one in labels])

    assert [(one, 2.0) for one in labels] == read(*cut(text, places))[0]


@given(st.lists(_labels, max_size=5), st.lists(st.integers(min_value=0), max_size=5))
def test_it_need_not_be_written_as_prometheus_does(
    labels: list[dict[str, str]], places: list[int]
) -> None:
    """Blanks, and keys in another order, are understood too."""
    result = [{"value": [1, "2"], "metric": one} for one in labels]
    data = {"result": result, "resultType": "vector"}
    text = json.dumps({"data": data, "status": "success"}, indent=1).encode()

    assert [(one, 2.0) for one in labels] == read(*cut(text, places))[0]


def test_samples_are_there_before_the_answer_is() -> None:
    """What has come is handed on while the rest is still on its way."""
    text = body([{"metric": {"n": str(number)}, "value": [1, "2"]} for number in range(3)])
    middle = text.index(b'{"n":"2"')

    def chunks() -> Iterator[bytes]:
        yield text[:middle]
        pytest.fail("the rest was asked for too early")

    samples = iter(Answer(chunks(), VECTOR, 100))

    assert ["0", "1"] == [next(samples).label("n"), next(samples).label("n")]


def test_a_reader_may_stop_when_it_has_enough() -> None:
    """What is said after the data is known all the same."""
    text = body([{"metric": {}, "value": [1, "2"]}] * 3, warnings=["a store is gone"])
    answer = Answer([text], VECTOR, 100)
    next(iter(answer))

    assert ("a store is gone",) == answer.finish().warnings


def test_what_nobody_reads_is_checked_all_the_same() -> None:
    """A reader that has enough does not hide that the answer broke off."""
    text = body([{"metric": {}, "value": [1, "2"]}] * 2)
    answer = Answer([text[:-1]], VECTOR, 100)
    next(iter(answer))

    with pytest.raises(UpstreamUnavailable, match="cannot be understood"):
        answer.finish()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b'{"status":"success","data":{"resultType":"vector","result":[',
        b'{"status":"success","data":{"resultType":"vector","result":[]}',
        b'{"status":"success","data":{"resultType":"vector","result":[]}}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"\xff"}}]}}',
        b'{"status":"error","data":{"resultType":"vector","result":[]}}',
        body([], "matrix"),
        body([1, "1"], "scalar"),
        body([{"metric": {}, "value": [1, "one"]}]),
        body([{"metric": {}, "value": [1, "one"]}, {"metric": {}, "value": [1, "1"]}]),
        body([{"metric": {}, "value": [1, True]}]),
        body([{"metric": {}, "value": [1, "1_0"]}]),
        body([{"metric": {}, "value": [1, " 1"]}]),
        body([{"metric": {}, "value": [1, "1e400"]}]),
        body([{"metric": {"a": 1}, "value": [1, "1"]}]),
        body([{"metric": {}, "histogram": [1, {"count": "1", "sum": "1"}]}]),
        body([], warnings=[1]),
        b'{"status":"success","else":' + b"[" * 100_000,
    ],
)
def test_rubbish_is_never_taken_for_data(text: bytes) -> None:
    """What is no vector of numbers is told as that."""
    with pytest.raises(UpstreamUnavailable, match="cannot be understood") as failure:
        read(text)

    assert "garbled" == failure.value.reason


@pytest.mark.parametrize("text", ["0", "-0.25", "1e+06", "1.5e-07", "+Inf", "-Inf", "NaN"])
def test_numbers_are_read_as_prometheus_writes_them(text: str) -> None:
    """What has no end, or is no number, has a name."""
    [(_, value)], _ = read(body([{"metric": {}, "value": [1, text]}]))

    assert str(float(text)) == str(value)


@pytest.mark.parametrize("cuts", [[], range(0, 1000, 50)])
def test_an_answer_of_too_many_series_is_refused(cuts: Sequence[int]) -> None:
    """Series beyond the limit are not read, however they come."""
    text = body([{"metric": {}, "value": [1, "2"]}] * 10)

    assert 10 == len(read(*cut(text, cuts), most=10)[0])

    with pytest.raises(UpstreamUnavailable, match="too many series") as failure:
        read(*cut(text, cuts), most=9)

    assert "too_large" == failure.value.reason


@pytest.mark.parametrize(
    ("expected", "more"),
    [
        (Notices((), ()), {}),
        (Notices((), ()), {"warnings": None, "infos": None, "isPartial": False}),
        (Notices(("a store is gone",), ()), {"warnings": ["a store is gone"]}),
        (Notices((), ("not a counter",)), {"infos": ["not a counter"]}),
        (Notices(("the answer is partial",), ()), {"isPartial": True}),
        (Notices(("x" * 500,) * 10, ()), {"warnings": ["x" * 1000] * 1000}),
    ],
)
def test_what_is_said_beside_the_data_is_kept(expected: Notices, more: dict[str, Any]) -> None:
    """Warnings of Prometheus and Thanos and VictoriaMetrics' partial answers mean the same."""
    assert expected == read(body([], **more))[1]


def test_victoriametrics_cluster_version_is_read_in_pieces() -> None:
    """It says whether the answer is partial before the data, and is no reason to hold it all."""
    text = body([{"metric": {}, "value": [1, "2"]}] * 2)
    text = text.replace(b'"success",', b'"success","isPartial":true,')
    answer = Answer(iter([text[:-20], text[-20:]]), VECTOR, 100)

    assert 2 == len(list(answer))
    assert ("the answer is partial",) == answer.finish().warnings


def test_a_range_is_read_with_its_gaps() -> None:
    """Each series has its own points; special numbers are understood."""
    elements = [
        {"metric": {"__name__": "up", "job": "a"}, "values": [[10, "1"], [30.5, "NaN"]]},
        {"metric": {}, "values": []},
    ]
    first, second = Answer([body(elements, "matrix")], MATRIX, 100)

    assert "[(10.0, 1.0), (30.5, nan)]" == str(list(first.points()))
    assert ("up", "a", "") == (first.name, first.label("job"), first.label("none"))
    assert [] == list(second.points())
