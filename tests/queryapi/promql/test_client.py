"""A query is answered, or fails in a way that says what to do."""

import pytest

from queryapi.errors import QueryRejected, UpstreamUnavailable
from queryapi.promql.client import PrometheusClient
from queryapi.promql.transport import Reply
from queryapi.settings import Cluster
from queryapi.telemetry.metrics import Metrics
from tests.support.fake_prometheus import Clock, error, series, vector

_REFUSED = UpstreamUnavailable("no connection", reason="refused")
_LATE = UpstreamUnavailable("too late", reason="timeout")
_SCALAR = b'{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}'
_UP = Reply(200, vector(series("up", 1)))

Scripted = Reply | UpstreamUnavailable


class Script:
    """A transport that plays its lines in order and notes what it was asked."""

    def __init__(self, *lines: Scripted) -> None:
        self.lines = list(lines)
        self.asked: list[tuple[str, dict[str, str], dict[str, str], float]] = []

    def post(self, url, form, headers, deadline):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        """Play the next line."""
        self.asked.append((url, dict(form), dict(headers), deadline))
        line = self.lines.pop(0)
        if isinstance(line, Exception):
            raise line
        return line

    def close(self) -> None:
        """Nothing is open."""


class Pauses:
    """Sleeps by moving the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.taken: list[float] = []

    def __call__(self, seconds: float) -> None:
        """Take a pause."""
        self.taken.append(seconds)
        self.clock.now += seconds


def client(script: Script, *urls: str, seconds: float = 5.0) -> tuple[PrometheusClient, Pauses]:
    """Return a client that plays *script*, and the pauses it makes."""
    clock = Clock(100.0)
    pauses = Pauses(clock)
    made = PrometheusClient(
        Cluster("prod", urls or ("http://a",)),
        script,
        seconds=seconds,
        metrics=Metrics("test"),
        clock=clock,
        sleep=pauses,
        jitter=lambda: 0.5,
    )
    return made, pauses


def hosts(script: Script) -> list[str]:
    """Return which hosts were asked, in order."""
    return [url.removeprefix("http://").split("/")[0] for url, *_ in script.asked]


def test_a_query_says_when_and_for_how_long() -> None:
    """The evaluation time is sent to the millisecond, and Prometheus is told our deadline."""
    script = Script(_UP)
    asked, _ = client(script)

    asked.instant("up", at=1766150000.2894)

    [(url, form, headers, deadline)] = script.asked
    assert "http://a/api/v1/query" == url
    assert {"query": "up", "time": "1766150000.289", "timeout": "5000ms"} == form
    assert "gzip" == headers["Accept-Encoding"]
    assert 105.0 == deadline


@pytest.mark.parametrize("text", ["1", "1e+06", "NaN", "+Inf", "-Inf", "-0.5", "1.5e-07"])
def test_every_number_prometheus_writes_is_read(text: str) -> None:
    """Go's spelling of special numbers is understood."""
    asked, _ = client(Script(Reply(200, vector(series("up", text, job="a")))))

    [sample] = asked.instant("up", at=0)

    assert str(float(text)) == str(sample.value)
    assert ("up", "a", "") == (sample.name, sample.label("job"), sample.label("none"))


@pytest.mark.parametrize("first", [_REFUSED, Reply(502, b"<html>bad gateway</html>")])
def test_a_failed_connection_is_tried_once_more(first: Scripted) -> None:
    """A connection error, or a proxy's 5xx, is tried again after a short pause."""
    asked, pauses = client(Script(first, _UP))

    assert 1 == len(asked.instant("up", at=0))
    assert [pytest.approx(0.15)] == pauses.taken


def test_trying_ends(caplog: pytest.LogCaptureFixture) -> None:
    """Two failed rounds are enough; the caller is told, and the log names the reason."""
    script = Script(_REFUSED, _REFUSED, _UP)
    asked, _ = client(script)

    with pytest.raises(UpstreamUnavailable, match="no connection"):
        asked.instant("up", at=0)

    assert 2 == len(script.asked)
    assert ["refused"] == [vars(record)["fields"]["reason"] for record in caplog.records]


def test_no_try_is_begun_that_the_deadline_would_cut_off() -> None:
    """When the pause alone would pass the deadline, the failure is told at once."""
    script = Script(_REFUSED, _UP)
    asked, pauses = client(script, seconds=0.1)

    with pytest.raises(UpstreamUnavailable):
        asked.instant("up", at=0)

    assert [] == pauses.taken


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("timeout", _LATE),
        ("timeout", Reply(503, error("timeout"))),
        ("faulty", Reply(500, error("internal"))),
        ("denied", Reply(401, b"who are you?")),
        ("denied", Reply(302, b"")),
        ("garbled", Reply(200, b"<html>hello</html>")),
        ("garbled", Reply(200, b'{"status":"success","data":{"resultType":"vector"')),
        ("garbled", Reply(200, _SCALAR)),
        ("garbled", Reply(200, vector(series("up", "one")))),
    ],
)
def test_what_another_try_cannot_mend_is_not_tried_again(reason: str, line: Scripted) -> None:
    """A query that ran out of time, or an answer that makes no sense, is asked for once."""
    script = Script(line, _UP)
    asked, _ = client(script)

    with pytest.raises(UpstreamUnavailable) as failure:
        asked.instant("up", at=0)

    assert reason == failure.value.reason
    assert 1 == len(script.asked)


@pytest.mark.parametrize("status", [400, 422])
def test_a_query_prometheus_finds_fault_with_is_our_defect(status: int) -> None:
    """A refused query is told apart from an unreachable Prometheus, with Prometheus' words."""
    asked, _ = client(Script(Reply(status, error("bad_data", "parse error"))))

    with pytest.raises(QueryRejected, match="bad_data: parse error"):
        asked.instant("up{", at=0)


def test_a_query_that_could_not_be_executed_is_no_defect_of_ours() -> None:
    """A 422 about the execution, as of an unreachable store, is Prometheus being unavailable."""
    asked, _ = client(Script(Reply(422, error("execution", "store gateway unavailable"))))

    with pytest.raises(UpstreamUnavailable, match="Prometheus reports execution"):
        asked.instant("up", at=0)


def test_replicas_are_tried_in_turn_and_the_one_that_answers_is_kept() -> None:
    """A dead replica costs one try; after that the living one is asked first."""
    script = Script(_REFUSED, _UP, _UP)
    asked, pauses = client(script, "http://a", "http://b")

    asked.instant("up", at=0)
    asked.instant("up", at=0)

    assert ["a", "b", "b"] == hosts(script)
    assert [] == pauses.taken


def test_after_a_hung_replica_the_next_query_asks_another() -> None:
    """A replica that never answers costs one query, not every one."""
    script = Script(_LATE, _UP)
    asked, _ = client(script, "http://a/", "http://b/")

    with pytest.raises(UpstreamUnavailable):
        asked.instant("up", at=0)
    asked.instant("up", at=0)

    assert ["a", "b"] == hosts(script)


def test_warnings_are_logged_and_the_answer_is_given(caplog: pytest.LogCaptureFixture) -> None:
    """An answer that may be incomplete is used, but never silently."""
    asked, _ = client(Script(Reply(200, vector(series("up", 1), warnings=["a store is gone"]))))

    assert 1 == len(asked.instant("up", at=0))
    assert "may be incomplete" in caplog.text


def test_the_client_knows_when_prometheus_last_answered() -> None:
    """Readiness need not ask when something was answered a moment ago, and nothing failed since."""
    asked, pauses = client(Script(_UP, _LATE))

    assert None is asked.seconds_since_answer()

    asked.instant("up", at=0)
    pauses(3)

    assert 3 == asked.seconds_since_answer()

    with pytest.raises(UpstreamUnavailable):
        asked.instant("up", at=0)

    assert None is asked.seconds_since_answer()
