"""A program that reports to gpuscope is neither held up nor broken by it, and loses little."""

import socket
import threading
import time
from pathlib import Path

import pytest

from demo.processes import free_port
from queryapi.client import JobReporter
from tests.support.jobservice import JobService, refusing, reporter_of
from tests.support.raw_server import RawServer, http, saying, silent

TOKEN = "gpuscope_secret"  # noqa: S105 - guards nothing


def test_reports_arrive_in_order_with_all_that_was_said(service: JobService) -> None:
    """Each has its number, its times and its lines; the answer can be looked at."""
    with reporter_of(service, worker_id="w1", token=TOKEN) as job:
        for epoch in (1, 2, 3):
            job.report(
                epoch * 10,
                f"epoch {epoch}",
                metrics={"gpuUtilization": 87, "powerUsage": float("nan")},
                logs=[f"loss {epoch}", {"level": "warning", "message": "82°C"}],
            )
        assert job.flush(20)

    first, *_ = bodies = [each.body for each in service.said]
    assert ["/api/jobs/job%201/progress"] * len(bodies) == [each.path for each in service.said]
    assert [10, 20, 30] == [body["progress"] for body in bodies]
    assert ["epoch 1", "epoch 2", "epoch 3"] == [body["currentOperation"] for body in bodies]
    assert {"w1"} == {body["workerId"] for body in bodies}
    numbers = [body["sequence"] for body in bodies]
    assert [0, 1, 2] == [number - numbers[0] for number in numbers]
    assert {"gpuUtilization": 87} == first["metrics"]
    assert 0 <= first["sentAt"] - first["timestamp"] < 20
    assert ["loss 1", "82°C", "loss 2", "82°C", "loss 3", "82°C"] == service.lines()
    assert {f"Bearer {TOKEN}"} == {each.headers["Authorization"] for each in service.said}
    assert (55.0, 0.25) == (job.last["timeRemaining"], job.last["costSoFar"])


def test_nothing_waits_for_a_service_that_hangs(service: JobService) -> None:
    """Reports return at once while the service is silent; what merged is told by one line."""
    service.failing = [silent]
    with reporter_of(service, waiting=3, timeout=1.0) as job:
        job.report(1)
        service.wait_for_requests(1)
        began = time.monotonic()
        for percent in range(2, 50):
            job.report(percent, logs=[f"line {percent}"])
        took = time.monotonic() - began
        assert job.flush(20)

    assert took < 10
    # The first one, the two that waited next, and the newest in place of all others.
    assert [1, 2, 3, 49] == [body["progress"] for body in service.taken]
    assert {f"line {percent}" for percent in range(2, 50)} <= set(service.lines())
    assert ["gpuscope was away or slow: 45 reports were merged and 0 lines lost"] == [
        line for line in service.lines() if "merged" in line
    ]


def test_what_failed_is_sent_again_under_its_number(
    service: JobService, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever way it fails in, a report is stored once, and before those that came after it."""
    service.failing = [
        refusing("503 Service Unavailable", "Retry-After: 0"),
        refusing("429 Too Many Requests"),
        refusing("500 Internal Server Error", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"),
        service.cut,
        lambda connection: None,
        lambda connection: connection.sendall(http(b"<html>a proxy's page", "Connection: close")),
    ]
    with reporter_of(service) as job:
        job.report(10, logs=["once"])
        job.report(20)
        assert job.flush(20)

    numbers = [each.body["sequence"] for each in service.said]
    assert 7 == numbers.count(numbers[0])
    assert [10, 20] == [body["progress"] for body in service.taken]
    assert ["once"] == service.lines()
    assert any("reports wait and are sent later" in text for text in caplog.messages)


def test_a_service_that_comes_later_gets_it_all() -> None:
    """Reports made while nobody listens arrive when somebody does."""
    port = free_port()
    job = JobReporter(f"http://127.0.0.1:{port}", "j", measure=lambda: None, timeout=2)
    job.report(10, logs=["early"])
    assert not job.flush(0.05)

    service = JobService()
    listener = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            service.manners(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    assert job.close(20)
    thread.join(20)
    listener.close()

    assert [10] == [body["progress"] for body in service.taken]
    assert ["early"] == service.lines()


def test_retry_after_is_honoured(service: JobService) -> None:
    """A service that asks for time is given it, even by a program that waits to end."""
    service.failing = [refusing("503 Service Unavailable", "Retry-After: 1")]
    with reporter_of(service) as job:
        job.report(10)
        began = time.monotonic()
        assert job.close(20)

    assert time.monotonic() - began >= 0.9


def test_a_refusal_is_told_once_and_never_repeated(
    service: JobService, caplog: pytest.LogCaptureFixture
) -> None:
    """What the service refuses is dropped and told once, without the token; the rest is sent."""
    service.failing = [refusing("400 Bad Request")] * 2
    with reporter_of(service, token=TOKEN) as job:
        for percent in (10, 20, 30):
            job.report(percent)
            assert job.flush(20)

    assert 3 == len(service.said)
    assert [30] == [body["progress"] for body in service.taken]
    [told] = caplog.messages
    assert "refused with 400" in told
    assert "not now" in told
    assert TOKEN not in caplog.text


def test_a_token_is_never_carried_elsewhere_nor_told(
    service: JobService, caplog: pytest.LogCaptureFixture
) -> None:
    """Redirects are not followed, and a token that fits in no header is not quoted."""
    moved = http(b"", f"Location: {service.url}/x", status="307 Temporary Redirect")
    with RawServer(saying(moved)) as elsewhere:
        job = JobReporter(elsewhere.url, "j", token=TOKEN, measure=lambda: None)
        job.report(10)
        assert job.close(20)
    with reporter_of(service, token="two\nlines") as job:  # noqa: S106 - no secret
        job.report(10)
        assert job.flush(20)

    assert [] == service.said
    assert 2 == len(caplog.messages)
    assert "lines" not in caplog.text.replace("lines lost", "")


def test_a_token_in_a_file_may_be_replaced(
    service: JobService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is read for every report, as clusters put new tokens in its place."""
    path = tmp_path / "token"
    monkeypatch.setenv("GPUSCOPE_TOKEN_FILE", str(path))
    monkeypatch.setenv("GPUSCOPE_URL", service.url)
    monkeypatch.setenv("HOSTNAME", "pod-1")
    job = JobReporter(measure=lambda: None)
    for token in ("one", "two"):
        path.write_text(f"{token}\n")
        job.report(10)
        assert job.flush(20)
    job.close()

    assert ["Bearer one", "Bearer two"] == [each.headers["Authorization"] for each in service.said]
    assert {("/api/jobs/pod-1/progress", "pod-1")} == {
        (each.path, each.body["workerId"]) for each in service.said
    }


@pytest.mark.parametrize(("url", "job_id"), [("", "j"), ("ftp://x", "j"), ("http://x", "")])
def test_what_it_must_know_is_said_at_once(url: str, job_id: str) -> None:
    """Without a URL or a job there is an error that names both variables."""
    with pytest.raises(ValueError, match=r"GPUSCOPE_URL.*JOB_ID"):
        JobReporter(url, job_id)
