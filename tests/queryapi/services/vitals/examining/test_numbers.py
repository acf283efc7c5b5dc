"""An administrator's number is exactly what Prometheus says, or absent."""

from collections.abc import Sequence

import pytest

from queryapi.outbound.transport import ExchangeFailed, Reply
from queryapi.services.vitals.model import Status
from tests.support.examining import ScriptedPrometheus, looking
from tests.support.fake_prometheus import Series, error, series

_ONE = [series("x", 7.5)]
_TWO = [series("x", 1, a="1"), series("x", 2, a="2")]


def _prometheus(**numbers: Sequence[Series] | Reply | Exception) -> ScriptedPrometheus:
    return ScriptedPrometheus(numbers=numbers)


def test_numbers_are_sent_as_they_are() -> None:
    """What the settings say is asked word by word; the answer is the service's number."""
    prometheus = _prometheus(one=_ONE)
    service = {"name": "s", "numbers": {"per_minute": 'sum(one{a="b"}) * 60'}}
    with looking(service, asked=lambda _: prometheus) as look:
        told = look.only()

    assert (Status.HEALTHY, {"per_minute": 7.5}) == (told.status, told.numbers)
    assert 'sum(one{a="b"}) * 60' in prometheus.queries
    assert (1, 0, None, "c") == (told.checks, told.failures, told.response_time, told.cluster)


@pytest.mark.parametrize(
    ("status", "text", "answer"),
    [
        (Status.NOT_CONFIGURED, "its PromQL finds no series", ()),
        (Status.ERROR, "its PromQL finds several series", _TWO),
        (Status.ERROR, "Prometheus refuses its PromQL", Reply(400, error("bad_data", "secret"))),
        (Status.ERROR, "Prometheus reports execution", Reply(422, error("execution", "secret"))),
        (
            Status.TIMEOUT,
            "Prometheus did not answer in time",
            ExchangeFailed("it did not answer in time", reason="timeout"),
        ),
    ],
    ids=["none", "several", "rejected", "failing", "late"],
)
def test_a_broken_number_spoils_itself_alone(
    status: Status,
    text: str,
    answer: Sequence[Series] | Reply | Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The other number is there, round after round, and the log says once what is wrong."""
    prometheus = _prometheus(one=_ONE, bad=answer)
    with looking(
        {"name": "s", "numbers": {"good": "one", "broken": "bad"}}, asked=lambda _: prometheus
    ) as look:
        rounds = [look.only() for _ in range(5)]

    for told in rounds:
        assert (status, text, {"good": 7.5}) == (told.status, told.error, told.numbers)
    lines = [(r.getMessage(), getattr(r, "fields", {}).get("number")) for r in caplog.records]
    assert 1 == lines.count(("A number cannot be read", "broken"))
    assert "Prometheus gave no usable answer" not in caplog.text


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_what_is_no_number_is_left_out(value: str) -> None:
    """A mean of nothing is no fault of the service, and no zero."""
    with looking(
        {"name": "s", "numbers": {"a": "odd"}},
        asked=lambda _: _prometheus(odd=[series("x", value)]),
    ) as look:
        told = look.only()

    assert (Status.HEALTHY, {}) == (told.status, told.numbers)


@pytest.mark.parametrize(
    ("rate", "text", "answer"),
    [
        (7.5, "", _ONE),
        (None, "its PromQL finds no series", ()),
        (None, "its PromQL finds no finite number", [series("x", "NaN")]),
        (None, "Prometheus answered HTTP 500", Reply(500, b"")),
    ],
    ids=["known", "none", "nan", "failing"],
)
def test_the_rate_of_events_is_asked_of_the_default_cluster(
    rate: float | None, text: str, answer: Sequence[Series] | Reply
) -> None:
    """It is what Prometheus says, or absent with the reason."""
    clusters = [{"name": name, "prometheus_url": "http://p"} for name in ("west", "east")]
    asked = {"west": _prometheus(events=answer), "east": _prometheus()}
    with looking(clusters=clusters, asked=asked.__getitem__, events_per_second="events") as look:
        told = look.round()

    assert (rate, text) == (told.events_per_second, told.events_error)
    assert [] == asked["east"].queries


def test_the_log_says_where_a_broken_rate_of_events_stands(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is no service's: the settings have it under `real_time_metrics`."""
    with looking(events_per_second="nothing") as look:
        look.round()

    [told] = [r.__dict__["fields"] for r in caplog.records if "cannot be read" in r.getMessage()]
    assert ("real_time_metrics", "events_per_second") == (told["service"], told["number"])
