"""Many who ask of jobs at once, or ask for much, keep nobody's report waiting."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from queryapi.settings import Limits
from tests.support.jobs import JOBS, reported, working
from tests.support.query_service import body


def _failed(message: str) -> dict[str, object]:
    return {"success": False, "error": message}


def test_workers_behind_one_address_do_not_use_up_each_others_rate(tmp_path: Path) -> None:
    """Reports are limited job by job; a job that reports too often is told when to go on."""
    with working(tmp_path, limits=Limits(per_minute=60, burst=2)) as service:
        first = [
            service.http.post(f"{JOBS}/{job}/progress", json={}).status_code
            for job in ("a", "b", "c", "d")
            for _ in range(2)
        ]
        third = service.http.post(f"{JOBS}/a/progress", json={})

    assert [200] * 8 == first
    assert (429, "1") == (third.status_code, third.headers["Retry-After"])
    assert _failed("Too many requests") == body(third)


def test_downloads_keep_no_report_waiting(tmp_path: Path) -> None:
    """Two at a time keep a thread each; a third is told to come again, and reports go on."""
    with working(tmp_path) as service:
        reported(service, "j", logLines=["x"])
        text = f"{JOBS}/j/logs?format=text"
        heads = [service.http.head(text).status_code for _ in range(5)]
        held = [service.http.get(text, buffered=False) for _ in range(2)]
        third = service.get(text)
        reported(service, "j", progress=5)
        for answer in held:
            answer.close()
        again = [service.get(text).status_code for _ in range(5)]

    assert [200] * 5 == heads == again
    assert (503, "5") == (third.status_code, third.headers["Retry-After"])
    assert _failed("too many logs are being downloaded: try again") == body(third)


def test_searches_keep_no_report_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reads a whole log: a few at a time do, a fifth is told to come again."""
    searching, over = threading.Semaphore(0), threading.Event()

    def slow(*_: Any, **__: Any) -> tuple[()]:
        searching.release()
        assert over.wait(20)
        return ()

    with working(tmp_path) as service, ThreadPoolExecutor(4) as crowd:
        reported(service, "j", logLines=["x"])
        monkeypatch.setattr("queryapi.api.jobs._STANDING_SECONDS", 0.0)
        monkeypatch.setattr("queryapi.storage.joblogs.page", slow)
        search = f"{JOBS}/j/logs?search=x"
        held = [crowd.submit(service.get, search) for _ in range(4)]
        assert all(searching.acquire(timeout=20) for _ in held)
        fifth = service.get(search)
        reported(service, "j", progress=5)
        over.set()
        answers = [each.result().status_code for each in held]
        again = service.get(search).status_code

    assert [200] * 5 == [*answers, again]
    assert (503, "2") == (fifth.status_code, fifth.headers["Retry-After"])
    assert _failed("too many logs are being searched: try again") == body(fifth)
