"""A query is answered, or fails in a way that says what to do."""

import json
from collections.abc import Iterable, Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from queryapi.errors import InvalidParameter, NoData, QueryRejected, UpstreamUnavailable
from queryapi.outbound.transport import ExchangeFailed, Reply, Request
from queryapi.promql.client import PrometheusClient
from queryapi.promql.values import Sample
from queryapi.settings import Cluster, Upstream
from queryapi.telemetry.metrics import Metrics
from tests.support.fake_prometheus import Clock, WholeReplies, error, series, vector

_REFUSED = ExchangeFailed("no connection", reason="refused")
_LATE = ExchangeFailed("too late", reason="timeout")
_LONG = ExchangeFailed("too long", reason="too_large")
_UP = Reply(200, vector(series("up", 1)))

Scripted = Reply | ExchangeFailed


def matrix(*courses: list[list[object]]) -> bytes:
    """Return an answer with these points of series."""
    found = [{"metric": {"n": str(n)}, "values": values} for n, values in enumerate(courses)]
    told = {"status": "success", "data": {"resultType": "matrix", "result": found}}
    return json.dumps(told).encode()


class Script(WholeReplies):
    """A transport that plays its lines in order, each in *seconds*, and notes what it was asked."""

    def __init__(self, *lines: Scripted, clock: Clock, seconds: float) -> None:
        self.lines = list(lines)
        self.closed = False
        self._clock = clock
        self._takes = seconds
        self.asked: list[tuple[str, dict[str, str], dict[str, str], float]] = []

    def exchange(self, request: Request, deadline: float) -> Reply:
        """Play the next line."""
        form, headers = dict(request.form or {}), dict(request.headers)
        self.asked.append((request.url, form, headers, deadline))
        self._clock.now += self._takes
        line = self.lines.pop(0)
        if isinstance(line, Exception):
            raise line
        return line

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


class Pauses:
    """Sleeps by moving the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.taken: list[float] = []

    def __call__(self, seconds: float) -> None:
        """Take a pause."""
        self.taken.append(seconds)
        self.clock.now += seconds


class Asked:
    """A client that plays a script, with all that can be seen of it."""

    def __init__(
        self,
        *lines: Scripted,
        replicas: int = 1,
        seconds: float = 5.0,
        upstream: Upstream = Upstream(),  # noqa: B008 - frozen
        headers: Mapping[str, str] | None = None,
        takes: float = 0,
    ) -> None:
        self.clock = Clock(100.0)
        self.pauses = Pauses(self.clock)
        self.script = Script(*lines, clock=self.clock, seconds=takes)
        self.metrics = Metrics("test")
        self.client = PrometheusClient(
            Cluster("prod", tuple(f"http://{host}/" for host in "abc"[:replicas])),
            self.script,
            seconds=seconds,
            metrics=self.metrics.querying,
            upstream=upstream,
            headers=lambda: headers or {},
            clock=self.clock,
            sleep=self.pauses,
            jitter=lambda: 0.5,
        )

    @property
    def hosts(self) -> list[str]:
        """Which hosts were asked, in order."""
        return [url.removeprefix("http://").split("/")[0] for url, *_ in self.script.asked]

    def ask(self, replica: int | None = None) -> str:
        """Ask once; returns which replica answered, or the reason why none did."""
        try:
            return str(self.client.instant("up", at=0, replica=replica).replica)
        except UpstreamUnavailable as error:
            return error.reason

    def counted(self, name: str, **labels: str) -> float | None:
        """Return one of the client's metrics; None when there is none."""
        families = text_string_to_metric_families(self.metrics.exposition("")[0].decode())
        samples = (sample for family in families for sample in family.samples)
        return next(
            (s.value for s in samples if s.name == name and labels.items() <= s.labels.items()),
            None,
        )

    def outcomes(self, outcome: str) -> float | None:
        """Return how many queries ended so."""
        name = "gpuscope_api_upstream_query_duration_seconds_count"
        return self.counted(name, cluster="prod", outcome=outcome)


def test_a_query_says_when_and_for_how_long() -> None:
    """The evaluation time is sent to the millisecond, and Prometheus is told our deadline."""
    asked = Asked(_UP, headers={"traceparent": "00-1-2-01"})

    asked.client.instant("up", at=1766150000.2894)

    [(url, form, headers, deadline)] = asked.script.asked
    assert "http://a/api/v1/query" == url
    assert {"query": "up", "time": "1766150000.289", "timeout": "5000ms"} == form
    assert {"traceparent": "00-1-2-01", "Accept-Encoding": "gzip"} == headers
    assert 105.0 == deadline


def test_a_range_says_from_when_to_when() -> None:
    """A range query is asked with its step, and its series come with their points."""
    series_text = b'{"metric":{"job":"a"},"values":[[10,"1"],[40,"2"]]}'
    answer = b'{"status":"success","data":{"resultType":"matrix","result":[%s]}}' % series_text
    asked = Asked(Reply(200, answer))

    [found] = asked.client.range("up", start=10, end=40.5, step=30).value

    [(url, form, _, _)] = asked.script.asked
    assert "http://a/api/v1/query_range" == url
    assert ("10.000", "40.500", "30.000") == (form["start"], form["end"], form["step"])
    assert [(10.0, 1.0), (40.0, 2.0)] == list(found.points())


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("timeout", _LATE),
        ("too_large", _LONG),
        ("too_large", Reply(200, matrix(*([[10, "1"]] for _ in range(3))))),
        ("garbled", Reply(200, matrix([[10, "1"]])[:-1])),
        ("garbled", Reply(200, vector(series("up", 1)))),
    ],
    ids=("late", "too long", "too many series", "cut off", "another form"),
)
def test_a_range_is_bounded_as_any_question(reason: str, line: Scripted) -> None:
    """By its deadline, its bytes and its series; and half an answer is none."""
    asked = Asked(line, line, upstream=Upstream(max_series=2))

    with pytest.raises(UpstreamUnavailable) as raised:
        asked.client.range("up", start=10, end=40, step=30, seconds=4.5)
    assert reason == raised.value.reason
    assert {104.5} == {deadline for *_, deadline in asked.script.asked}


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [(0, 11_000.1, 1), (10, 9, 1), (0, 1, 0), (0, 1, -1), (0, 1e308, 1e-9)],
)
def test_more_points_than_prometheus_gives_are_refused_at_once(
    start: float, end: float, step: float
) -> None:
    """A caller is told what to change instead of Prometheus' words, and nothing is asked."""
    asked = Asked()

    with pytest.raises(InvalidParameter, match="choose a longer step or a shorter range"):
        asked.client.range("up", start=start, end=end, step=step)


@pytest.mark.parametrize("text", ["1", "1e+06", "NaN", "+Inf", "-Inf", "-0.5", "1.5e-07"])
def test_every_number_prometheus_writes_is_read(text: str) -> None:
    """Go's spelling of special numbers is understood."""
    asked = Asked(Reply(200, vector(series("up", text, job="a"))))

    [sample] = asked.client.instant("up", at=0).value

    assert str(float(text)) == str(sample.value)
    assert ("up", "a", "") == (sample.name, sample.label("job"), sample.label("none"))


def test_a_reader_goes_over_samples_as_they_come() -> None:
    """What a reader makes of the samples is the result; they need not all be kept."""
    asked = Asked(Reply(200, vector(*(series("up", number) for number in range(100)))))

    def total(samples: Iterable[Sample]) -> float:
        return sum(sample.value for sample in samples)

    assert 4950.0 == asked.client.read("up", total, at=0).value


def test_a_reader_that_misses_something_blames_nobody() -> None:
    """Prometheus did answer, so it is not left alone; the next question goes to another replica."""
    asked = Asked(_UP, _UP, replicas=2, upstream=Upstream(failures=1))

    def missing(_: Iterable[Sample]) -> float:
        raise NoData("no totals")

    with pytest.raises(NoData, match="no totals"):
        asked.client.read("up", missing, at=0)

    assert 0.0 == asked.client.seconds_since_answer()
    assert 1 == asked.outcomes("ok")
    assert 0 == asked.counted("gpuscope_api_upstream_open", cluster="prod", replica="0")
    assert "1" == asked.ask()


@pytest.mark.parametrize("first", [_REFUSED, Reply(502, b"<html>bad gateway</html>")])
def test_a_failed_connection_is_tried_once_more(first: Scripted) -> None:
    """A connection error, or a proxy's 5xx, is tried again after a short pause."""
    asked = Asked(first, _UP)

    assert "0" == asked.ask()
    assert [pytest.approx(0.15)] == asked.pauses.taken


def test_trying_ends(caplog: pytest.LogCaptureFixture) -> None:
    """Two failed rounds are enough; the caller is told, and the log names the reason."""
    asked = Asked(_REFUSED, _REFUSED, _UP)

    with pytest.raises(UpstreamUnavailable, match="no connection"):
        asked.client.instant("up", at=0)

    assert 2 == len(asked.script.asked)
    assert ["refused"] == [vars(record)["fields"]["reason"] for record in caplog.records]
    assert 1 == asked.outcomes("refused")


def test_no_try_is_begun_that_the_deadline_would_cut_off() -> None:
    """When the pause alone would pass the deadline, the failure is told at once."""
    asked = Asked(_REFUSED, _UP, seconds=0.1)

    assert "refused" == asked.ask()
    assert [] == asked.pauses.taken


def test_a_replica_is_not_asked_when_the_time_is_up() -> None:
    """One that was given no time is not taken to have failed."""
    asked = Asked(_REFUSED, _UP, replicas=2, takes=5)

    assert "refused" == asked.ask()
    assert ["a"] == asked.hosts


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("timeout", _LATE),
        ("too_large", _LONG),
        ("timeout", Reply(503, error("timeout"))),
        ("faulty", Reply(500, error("internal"))),
        ("denied", Reply(401, b"who are you?")),
        ("garbled", Reply(200, b"<html>hello</html>")),
    ],
)
def test_what_another_try_cannot_mend_is_not_tried_again(reason: str, line: Scripted) -> None:
    """A query that ran out of time, or an answer that makes no sense, is asked for once."""
    asked = Asked(line, _UP)

    assert reason == asked.ask()
    assert 1 == len(asked.script.asked)


def test_retries_do_not_multiply_the_load() -> None:
    """When everything fails, one query in five is tried again, however many there are."""
    asked = Asked(*[_REFUSED] * 200, upstream=Upstream(failures=1000))

    for _ in range(100):
        asked.ask()

    # A hundred first tries, ten retries saved up, and a fifth of a retry earned by each query.
    assert 100 + 10 + 20 == pytest.approx(len(asked.script.asked), abs=3)


def test_an_answer_of_too_many_series_is_refused() -> None:
    """The settings say how many series an answer may have."""
    two = Reply(200, vector(series("up", 1), series("up", 2)))

    assert "0" == Asked(two, upstream=Upstream(max_series=2)).ask()
    assert "too_large" == Asked(two, upstream=Upstream(max_series=1)).ask()


def test_a_query_prometheus_finds_fault_with_is_our_defect() -> None:
    """A refused query says nothing against the replica, which is asked again."""
    refused = Reply(400, error("bad_data", "parse error"))
    asked = Asked(refused, _UP, replicas=2, upstream=Upstream(failures=1))

    with pytest.raises(QueryRejected, match="bad_data: parse error"):
        asked.client.instant("up{", at=0)

    assert 1 == asked.outcomes("rejected")
    assert "0" == asked.ask()


def test_replicas_are_tried_in_turn_and_the_one_that_answers_is_kept() -> None:
    """A dead replica costs one try; after that the living one is asked first."""
    asked = Asked(_REFUSED, _UP, _UP, replicas=2)

    assert ["1", "1"] == [asked.ask(), asked.ask()]
    assert ["a", "b", "b"] == asked.hosts
    assert [] == asked.pauses.taken


def test_after_a_hung_replica_the_next_query_asks_another() -> None:
    """A replica that never answers costs one query, not every one."""
    asked = Asked(_LATE, _UP, replicas=2)

    assert ["timeout", "1"] == [asked.ask(), asked.ask()]
    assert ["a", "b"] == asked.hosts


def test_a_replica_whose_answer_is_of_no_use_is_asked_last() -> None:
    """Whoever knows that what it said is too old sends the next questions elsewhere."""
    asked = Asked(_UP, _UP, _UP, replicas=2)

    asked.client.pass_over(1)
    assert "0" == asked.ask()
    asked.client.pass_over(0)
    assert ["1", "1"] == [asked.ask(), asked.ask()]


def test_who_insists_on_a_replica_gets_it_or_nothing() -> None:
    """What has to agree with an earlier answer is never taken from another replica."""
    asked = Asked(_UP, _REFUSED, _REFUSED, replicas=2)

    assert ["1", "refused"] == [asked.ask(replica=1), asked.ask(replica=1)]
    assert ["b", "b", "b"] == asked.hosts


def test_a_replica_that_fails_again_and_again_is_left_alone() -> None:
    """Three hung queries are all that a hung Prometheus costs; then failures are told at once."""
    asked = Asked(*[_LATE] * 3, upstream=Upstream(failures=3, pause=5))

    assert ["timeout"] * 3 + ["paused"] * 2 == [asked.ask() for _ in range(5)]
    assert 3 == len(asked.script.asked)
    assert 2 == asked.outcomes("paused")
    assert 1 == asked.counted("gpuscope_api_upstream_open", cluster="prod", replica="0")
    assert 1 == asked.counted("gpuscope_api_upstream_openings_total", cluster="prod", replica="0")


def test_a_replica_that_is_left_alone_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The log says when it began and when it ended, not each query that was not asked."""
    caplog.set_level("INFO")
    asked = Asked(_LATE, _UP, upstream=Upstream(failures=1, pause=5))

    for _ in range(10):
        asked.ask()
    asked.pauses(5)
    asked.ask()

    assert [
        "Prometheus failed again and again and is left alone for a while",
        "Prometheus gave no usable answer",
        "Prometheus answers again",
    ] == [record.message for record in caplog.records]


def test_a_replica_that_is_well_again_is_asked_again() -> None:
    """After the pause one query tries it, and its answer ends the pause for all."""
    asked = Asked(_LATE, _UP, _UP, upstream=Upstream(failures=1, pause=5))

    assert ["timeout", "paused"] == [asked.ask(), asked.ask()]

    asked.pauses(5)

    assert ["0", "0"] == [asked.ask(), asked.ask()]
    assert 0 == asked.counted("gpuscope_api_upstream_open", cluster="prod", replica="0")


def test_while_one_replica_is_left_alone_the_other_answers() -> None:
    """Only when every replica is left alone nobody answers; who insists is told at once."""
    asked = Asked(_LATE, _UP, _UP, replicas=2, upstream=Upstream(failures=1, pause=5))

    assert ["timeout", "1", "paused", "1"] == [asked.ask(replica) for replica in (0, None, 0, None)]
    assert ["a", "b", "b"] == asked.hosts


def test_a_missing_secret_is_not_the_replicas_fault() -> None:
    """Credentials that cannot be read stop the query before any replica is asked or blamed."""
    asked = Asked(_UP, upstream=Upstream(failures=1))
    cluster = Cluster("prod", "http://a", bearer_token_file="/no/file")  # noqa: S106 - a path
    client = PrometheusClient(cluster, asked.script, seconds=5, metrics=asked.metrics.querying)

    for _ in range(2):
        with pytest.raises(UpstreamUnavailable, match="credentials for Prometheus cannot be read"):
            client.instant("up", at=0)

    assert [] == asked.script.asked


def test_warnings_come_with_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """An answer that may be incomplete is used, but never silently."""
    asked = Asked(Reply(200, vector(series("up", 1), warnings=["a store is gone"])))

    result = asked.client.instant("up", at=0)

    assert (1, ("a store is gone",), ()) == (len(result.value), result.warnings, result.infos)
    assert ["a store is gone"] == [vars(record)["fields"]["notice"] for record in caplog.records]
    assert 1 == asked.outcomes("warned")


def test_the_client_knows_when_prometheus_last_answered() -> None:
    """Readiness need not ask when something was answered a moment ago, and nothing failed since."""
    asked = Asked(_UP, _LATE)

    assert None is asked.client.seconds_since_answer()

    asked.ask()
    asked.pauses(3)

    assert 3 == asked.client.seconds_since_answer()

    asked.ask()

    assert None is asked.client.seconds_since_answer()


def test_closing_the_client_closes_its_connections() -> None:
    """Nothing stays open."""
    asked = Asked()
    asked.client.close()

    assert asked.script.closed
