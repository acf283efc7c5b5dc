"""What is wrong with a request about jobs is said, in the document's form; the rest is taken."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from queryapi.settings import Limits
from tests.support.jobs import JOBS, MEASURED, read, reported, working
from tests.support.query_service import Service, body, running

_JSON = {"Content-Type": "application/json"}
_ID = "must be 1 to 200 characters, without slashes and characters that nobody sees"


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with working(tmp_path_factory.mktemp("jobs"), limits=Limits(per_minute=0)) as service:
        reported(service, "j", progress=10)
        yield service


def _failed(message: str) -> dict[str, object]:
    return {"success": False, "error": message}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ("", "the body is empty: it must be a JSON object"),
        ("[]", "the body must be a JSON object"),
        ("null", "the body must be a JSON object"),
        ('"x"', "the body must be a JSON object"),
        ('{"progress": 5', "the body ends too early: it is no whole JSON value"),
        ('{"progress": "45"}', "progress must be a number from 0 to 100"),
        ('{"progress": true}', "progress must be a number from 0 to 100"),
        ('{"progress": [45]}', "progress must be a number from 0 to 100"),
        ('{"workerId": 7}', "workerId must be text"),
        ('{"currentOperation": {}}', "currentOperation must be text"),
        ('{"restart": 1}', "restart must be true or false"),
        ('{"sequence": 0}', "sequence must be a whole number from 1 to 9007199254740992"),
        ('{"sequence": 1.5}', "sequence must be a whole number from 1 to 9007199254740992"),
        (
            json.dumps({"logLines": ["x"] * 501}),
            "logLines may hold 500 lines, not 501: send the others in another report",
        ),
    ],
)
def test_a_report_that_cannot_be_understood_is_refused(
    service: Service, sent: str, message: str
) -> None:
    """400 with a sentence; the job is as it was."""
    before = read(service, "/j")
    answer = service.http.post(f"{JOBS}/j/progress", data=sent, headers=_JSON)

    assert (400, _failed(message)) == (answer.status_code, body(answer))
    assert before == read(service, "/j")


@pytest.mark.parametrize(
    ("sent", "measured"),
    [
        ('{"metrics": null}', None),
        ('{"metrics": {}}', None),
        ('{"metrics": [1]}', None),
        ('{"metrics": {"gpuUtilization": NaN, "powerUsage": Infinity}}', None),
        ('{"metrics": {"gpuUtilization": NaN, "powerUsage": 5}}', (None, 5.0)),
        ('{"metrics": {"gpuUtilization": "87", "powerUsage": 1e999}}', None),
        ('{"metrics": {"gpuUtilization": true, "powerUsage": 5.5}}', (None, 5.5)),
        ('{"metrics": {"gpuUtilization": 1e300, "powerUsage": 5.5}}', (None, 5.5)),
        (f'{{"metrics": {{"gpuUtilization": 1{"0" * 400}, "powerUsage": 5.5}}}}', (None, 5.5)),
        ('{"timestamp": "now", "sentAt": "99", "metrics": {"powerUsage": 5.5}}', (None, 5.5)),
        ('{"metrics": {"cpuPercent": 5}}', None),
        ('{"progress": NaN, "metrics": {"gpuUtilization": 0}}', (0.0, None)),
        ('{"logLines": "x", "metrics": {"gpuUtilization": 1}}', (1.0, None)),
    ],
)
def test_a_report_is_never_refused_for_what_was_measured(
    service: Service, sent: str, measured: tuple[float | None, ...] | None
) -> None:
    """What is no number was not measured: no zero, and no lost report."""
    name = f"m-{abs(hash(sent))}"
    answer = service.http.post(f"{JOBS}/{name}/progress", data=sent, headers=_JSON)
    latest = read(service, f"/{name}/monitor")["metrics"]["latest"]

    assert 200 == answer.status_code
    assert measured == (latest and (latest["gpuUtilization"], latest["powerUsage"]))


def test_log_lines_are_taken_as_they_come(service: Service) -> None:
    """Levels by their meaning, else info; strings as they are; half a character is no reason."""
    lines = (
        r'[{"level": "WARN", "message": "a"}, {"level": "Error", "message": "b"},'
        r' {"level": "debug", "message": "c"}, {"level": 7, "message": {"d": 1}}, "e", null, {},'
        r' {"message": "f\u0000\ud83d"}]'
    )
    sent = f'{{"logLines": {lines}}}'
    answer = service.http.post(f"{JOBS}/lines/progress", data=sent, headers=_JSON)

    assert 200 == answer.status_code
    assert [
        ("warning", "a"),
        ("error", "b"),
        ("info", "c"),
        ("info", '{"d":1}'),
        ("info", "e"),
        ("info", "f\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"),
    ] == [(line["level"], line["message"]) for line in read(service, "/lines/logs")["logs"]]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("/j/metrics?timeRange=0", "timeRange must be a whole number from 1 to 31622400"),
        ("/j/metrics?timeRange=1.5", "timeRange must be a whole number from 1 to 31622400"),
        (
            "/j/metrics?timeRange=86401",
            "timeRange must be a whole number from 1 to 86400 or, with step, to 31622400",
        ),
        (
            "/j/metrics?timeRange=86400&step=1s",
            (
                "step is too short: at most 11000 rows are told, so that timeRange 86400 takes"
                " a step of 8s or longer"
            ),
        ),
        (
            "/j/metrics?step=5",
            "step must be a whole number followed by s, m, h or d, such as 90s or 24h",
        ),
        ("/j/logs?limit=0", "limit must be a whole number from 1 to 1000"),
        ("/j/logs?limit=abc", "limit must be a whole number from 1 to 1000"),
        ("/j/logs?offset=-1", "offset must be a whole number from 0 to 999999999"),
        ("/j/logs?level=debug", "level must be one of info, warning, error"),
        ("/j/logs?before=x", "before must be the id of a line"),
        ("/j/logs?format=xml", "format must be one of json, text"),
        (
            "?status=STALLED",
            "status must be one of PENDING, ASSIGNED, RUNNING, COMPLETED, FAILED, CANCELLED",
        ),
        ("?before=-1", "before must be what `next` said"),
    ],
)
def test_a_question_is_understood_or_refused(service: Service, asked: str, message: str) -> None:
    """400 with what it must be."""
    answer = service.get(f"{JOBS}{asked}")

    assert (400, _failed(message)) == (answer.status_code, body(answer))


_READINGS = ["", "/monitor", "/metrics", "/logs", "/logs?format=text"]


@pytest.mark.parametrize("reading", _READINGS)
@pytest.mark.parametrize("job", ["nothing", "a%00b", "a%0Ab", "%ff", "x" * 201, "%20"])
def test_what_is_not_there_is_not_found(service: Service, job: str, reading: str) -> None:
    """Whatever it is called: nothing but text that a job may be called reaches the database."""
    answer = service.get(f"{JOBS}/{job}{reading}")

    assert (404, _failed("Job not found")) == (answer.status_code, body(answer))


# What turns text round, takes no room, or is a way up to a browser.
_ALIKE = ["%E2%80%AEa", "a%E2%80%8B", "a%20", "%20", "..", "."]


@pytest.mark.parametrize("job", ["a%00b", "a%0Ab", "%ff", "x" * 201, "%E2%80%A8", *_ALIKE])
def test_a_job_cannot_be_called_anything(service: Service, job: str) -> None:
    """No control characters, no more than 200 of others, and nothing that looks like another."""
    answer = service.http.post(f"{JOBS}/{job}/progress", json={})

    assert (400, _failed(f"the job's id {_ID}")) == (answer.status_code, body(answer))


@pytest.mark.parametrize("job", ["x" * 200, "☃" * 200, "a b", "ü", "%25", "job-1;x", "...", "%3F"])
def test_a_job_may_be_called_nearly_anything(service: Service, job: str) -> None:
    """What is encoded in a path is decoded once."""
    sent = service.http.post(f"{JOBS}/{job}/progress", json={"progress": 1})

    assert (200, 200) == (sent.status_code, service.get(f"{JOBS}/{job}/monitor").status_code)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"id": "a/b"}, f"id {_ID}"),
        ({"id": ""}, f"id {_ID}"),
        ({"id": 7}, f"id {_ID}"),
        ({"gpus": 0}, "gpus must be a whole number from 1 to 1000000"),
        ({"estimatedCost": -1}, "estimatedCost must be a number from 0"),
        ({"estimatedCost": "1e999999999"}, "estimatedCost must be a number from 0"),
        ({"estimatedCost": "x"}, "estimatedCost must be a number from 0"),
        ({"username": "x" * 254}, "username is longer than 253 characters"),
    ],
)
def test_a_job_that_makes_no_sense_is_not_created(
    service: Service, sent: dict[str, Any], message: str
) -> None:
    """400 with what is wrong."""
    answer = service.http.post(JOBS, json=sent)

    assert (400, _failed(message)) == (answer.status_code, body(answer))


def test_a_job_ends_in_ways_that_are_known(service: Service) -> None:
    """A word that nobody knows ends nothing."""
    answer = service.http.post(f"{JOBS}/j/complete", json={"status": "maybe"})

    assert 400 == answer.status_code
    assert "RUNNING" == read(service, "/j")["status"]


def test_a_report_larger_than_a_mebibyte_is_refused(service: Service) -> None:
    """413 in the document's form."""
    answer = service.http.post(f"{JOBS}/j/progress", data="x" * (1024**2 + 1), headers=_JSON)

    assert (413, _failed("Request body too large")) == (answer.status_code, body(answer))


def test_a_body_that_is_not_called_json_is_refused(service: Service) -> None:
    """415 says which header to send."""
    answer = service.http.post(f"{JOBS}/j/progress", data="{}")

    assert (415, _failed("Content-Type must be application/json")) == (
        answer.status_code,
        body(answer),
    )


def test_without_a_database_every_route_says_what_to_set(tmp_path: Path) -> None:
    """503, and not as if there were no jobs."""
    with running() as service:
        answers = [
            *(service.get(f"{JOBS}{path}") for path in ("", *(f"/j{it}" for it in _READINGS))),
            service.http.post(JOBS, json={}),
            service.http.post(f"{JOBS}/j/progress", json={"metrics": MEASURED}),
            service.http.post(f"{JOBS}/j/complete", json={}),
        ]

    assert {(503, "no database is configured: set database_url")} == {
        (answer.status_code, body(answer)["error"]) for answer in answers
    }


def test_a_page_of_another_origin_may_report(tmp_path: Path) -> None:
    """Where its origin is listed: the preflight of a browser's fetch is answered."""
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    with working(tmp_path, cors_origins=("https://app.example",)) as service:
        answer = service.http.options(f"{JOBS}/j/progress", headers=asked)

    assert 204 == answer.status_code
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]
