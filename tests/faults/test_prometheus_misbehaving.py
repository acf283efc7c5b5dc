"""Prometheus misbehaves in every way: marked as old, then an error; never a lie, nor for long."""

import json
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from http import HTTPStatus

import pytest
import requests

from demo import stack
from demo.processes import LOOPBACK
from tests.support.http_relay import HttpFault
from tests.support.prometheus_outage import (
    CLUSTERS,
    DATA,
    FAILURES,
    FAULTS,
    GPUS,
    HEALTH,
    JOB,
    POOLS,
    REPORT,
    SCRAPE_SECONDS,
    SLACK,
    STALE,
    STATUS,
    TTL,
    UNTOUCHED,
    VITALS,
    Outage,
    name_of,
    outage_of_all,
    part_of,
)
from tests.support.relay import Fault

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

ANSWERED = {HttpFault.BAD_DATA, HttpFault.EMPTY, HttpFault.BOMB, HttpFault.ENDLESS}
"""It does answer: it is not left alone, and each part is asked for once a second at most."""
LATE = 20.0
"""Far beyond what a request waits for, and far from for ever."""


@pytest.fixture(name="outage", scope="module")
def _outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """All of it happens once; each test reads of it what it is about."""
    with outage_of_all(tmp_path_factory.mktemp("prometheus")) as outage:
        yield outage


def _assert_refused(path: str, fault: Enum, answer: requests.Response) -> None:
    """Hold an error to its status, its API's words, and to a caller's eyes."""
    # On a busy machine one that could be answered may be late, and is told as such.
    ours = fault is HttpFault.BAD_DATA and "in time" not in answer.text
    status = HTTPStatus.INTERNAL_SERVER_ERROR if ours else HTTPStatus.SERVICE_UNAVAILABLE
    assert status == answer.status_code, answer.text
    assert (None if ours else "1") == answer.headers.get("Retry-After")
    assert "no-store" == answer.headers["Cache-Control"]
    body = answer.json()
    if path.startswith("/api/v1/realtime"):
        assert {"meta", "data"} == body.keys()
        assert (5000 if ours else 5003, None) == (body["meta"]["code"], body["data"])
        said = body["meta"]["message"]
    else:
        assert {"error"} == body.keys()
        said = body["error"]
    assert LOOPBACK not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("fault", FAILURES, ids=name_of)
def test_it_is_marked_as_old_and_then_refused(outage: Outage, fault: Enum) -> None:
    """Nothing unmarked once a window is over, nothing at all beyond `cache.stale`."""
    for path in DATA:
        assert [] == [
            each.answer.text for each in outage.during(path, fault, TTL + SLACK) if each.fresh
        ]
        for each in outage.during(path, fault, STALE + SLACK):
            _assert_refused(path, fault, each.answer)
    if fault is HttpFault.BAD_DATA:
        told = outage.during(STATUS, fault, STALE + SLACK)
        assert HTTPStatus.INTERNAL_SERVER_ERROR in {each.answer.status_code for each in told}


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_what_is_told_is_what_prometheus_had(outage: Outage, fault: Enum) -> None:
    """Every answer, old or new, is the fleet as it was at the moment that the answer names."""
    # What was allocated at the evaluation before, or after, may stand in for it.
    near = 1.5 * SCRAPE_SECONDS
    for each in outage.heard(STATUS, name_of(fault), 0, float("inf")):
        if each.answer.ok:
            data = each.answer.json()["data"]
            at = datetime.fromisoformat(data["timestamp"]).timestamp()
            then = {told for time_, told in outage.allocated.items() if abs(time_ - at) <= near}
            assert GPUS == data["current_gpu_usage"]["total_gpus"]
            assert data["current_gpu_usage"]["allocated_gpus"] in then
            assert not each.fresh or each.came - at < LATE


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_nobody_waits_for_long(outage: Outage, fault: Enum) -> None:
    """Every answer comes within bounded time, whatever Prometheus does."""
    for path in (*DATA, HEALTH):
        assert LATE > max(each.came - each.asked for each in outage.during(path, fault))


@pytest.mark.parametrize("fault", FAILURES, ids=name_of)
def test_it_is_named_as_ill_and_well_again(outage: Outage, fault: Enum) -> None:
    """The health of the cluster and the list of clusters say so, without an error of their own."""
    *_, ill = outage.during(HEALTH, fault, STALE + SLACK)
    *_, well = outage.heard(HEALTH, name_of(fault), outage.lifted, float("inf"))
    *_, listed = outage.recorder.between(CLUSTERS, outage.began + STALE + SLACK, outage.lifted)
    [told] = [each for each in listed.answer.json()["clusters"] if each["name"] == name_of(fault)]

    assert ("unhealthy", "healthy") == (ill.answer.json()["status"], well.answer.json()["status"])
    assert "unhealthy" == told["health"]


@pytest.mark.parametrize("fault", FAILURES, ids=name_of)
def test_it_is_not_hammered(outage: Outage, fault: Enum) -> None:
    """However many ask: a Prometheus that fails is asked less than one that does not."""
    assert outage.requests[fault] < outage.requests[HttpFault.PARTIAL]
    if fault not in ANSWERED:
        open_ = f'gpuscope_api_upstream_open{{cluster="{name_of(fault)}",replica="0"}} 1.0'
        told = outage.recorder.between("/metrics", outage.began, outage.lifted)
        assert any(open_ in each.answer.text for each in told)


def test_what_comes_with_a_warning_is_told_with_one(outage: Outage) -> None:
    """What Prometheus says may be missing is told to clients, and is neither old nor an error."""
    for path in DATA:
        told = outage.during(path, HttpFault.PARTIAL, TTL + SLACK)

        assert {HTTPStatus.OK} == {each.answer.status_code for each in told}
        assert any(each.warned("199") for each in told)


def test_the_other_cluster_is_answered_as_ever(outage: Outage) -> None:
    """While all others' Prometheus fail, who is asked about a cluster whose own is well answers."""
    for path in DATA:
        told = outage.heard(path, stack.CLUSTER, outage.began, outage.lifted)
        assert {HTTPStatus.OK} == {each.answer.status_code for each in told}
    last = outage.heard(STATUS, stack.CLUSTER, outage.began, outage.lifted)[-1]
    at = datetime.fromisoformat(last.answer.json()["data"]["timestamp"]).timestamp()

    assert outage.lifted - at < LATE


@pytest.mark.parametrize("path", UNTOUCHED)
def test_what_needs_no_prometheus_is_answered(outage: Outage, path: str) -> None:
    """Threads that wait for Prometheus leave room for everybody else."""
    told = outage.recorder.between(path, outage.began, outage.lifted)

    assert told
    assert {HTTPStatus.OK} == {each.answer.status_code for each in told}
    assert LATE > max(each.came - each.asked for each in told)


def test_pools_are_told_and_marked(outage: Outage) -> None:
    """Pools are listed all the while; where a cluster's numbers cannot be had, it is said."""
    told = outage.recorder.between(POOLS, outage.began + TTL + SLACK, outage.lifted)

    assert told
    assert {HTTPStatus.OK} == {each.answer.status_code for each in told}
    assert all(each.answer.headers.get("Warning") for each in told)
    assert LATE > max(each.came - each.asked for each in told)


def test_reports_are_stored_and_followed(outage: Outage) -> None:
    """Every report is acknowledged, stored and pushed, in order, over one connection."""
    reports = outage.recorder.heard[REPORT]
    frames = [json.loads(frame) for frame in outage.follower.frames[JOB]]
    lines = [
        line["message"] for it in frames if it["type"] == "JOB_LOGS" for line in it["data"]["logs"]
    ]

    assert {HTTPStatus.OK} == {each.answer.status_code for each in reports}
    assert [str(number + 1) for number in range(len(reports))] == lines
    assert (0, {}) == (outage.follower.cuts, dict(outage.follower.wrong))


@pytest.mark.parametrize("fault", FAILURES, ids=name_of)
def test_real_time_metrics_name_it(outage: Outage, fault: Enum) -> None:
    """That cluster's part is ill while it fails, and well again after, in answers as ever."""
    settled = outage.recorder.between(VITALS, outage.began + STALE, outage.lifted)
    words = []
    for each in (settled[-1], outage.recorder.heard[VITALS][-1]):
        assert HTTPStatus.OK == each.answer.status_code
        entries = each.answer.json()["api_metrics"]
        words.append(next(e["status"] for e in entries if e["service"] == part_of(fault)))

    assert words[0] in {"error", "timeout", "unhealthy", "not_configured"}
    assert "healthy" == words[1]


def test_metrics_are_pushed_all_the_while(outage: Outage) -> None:
    """Over one connection, each message new when it comes, with those that fail as ill."""
    told = [(at, json.loads(message)) for at, message in outage.pushed.messages]
    ill = f"prometheus@{name_of(Fault.HUNG)}"
    settled = [
        next(each["status"] for each in message["api_metrics"] if each["service"] == ill)
        for at, message in told
        if outage.began + STALE + SLACK < at < outage.lifted and "api_metrics" in message
    ]

    assert not outage.pushed.cut
    assert settled
    assert "healthy" not in settled
    for at, message in told:
        if "timestamp" in message:
            assert at - datetime.fromisoformat(message["timestamp"]).timestamp() < LATE


def test_all_is_well_again_by_itself(outage: Outage) -> None:
    """No request broke off, no error was unforeseen: the log has none but of wrong queries."""
    assert [] == outage.recorder.failed
    for line in outage.log.read_text().splitlines():
        assert '"level":"error"' not in line or "QueryRejected" in line or "rejects" in line
