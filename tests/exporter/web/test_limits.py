"""What is refused so that all else goes on: too many scrapes, pages that come too late."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.web.making import patience
from tests.support.serving import BODY, Shown, serving, told


def test_too_many_scrapes() -> None:
    """Beyond the limit a scrape is told to come again, while probes are answered as ever."""
    publisher, free, begun = Shown(), threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        begun.release()
        free.wait(20)

    publisher.before = wait
    with serving(publisher, most_requests=2) as served, ThreadPoolExecutor() as pool:
        going = [pool.submit(served.ask, "/metrics") for _ in range(2)]
        for _ in going:
            begun.acquire()
        refused = served.ask("/metrics")
        probes = [served.ask(path).status for path in ("/healthz", "/readyz", "/")]
        free.set()
        answers = [each.result() for each in going]
        last = served.ask("/metrics").data

    assert (503, "5") == (refused.status, refused.headers["Retry-After"])
    assert b"too many scrapes at once (--web.max-requests)\n" == refused.data
    assert [200] * 3 == probes
    assert [(200, BODY)] * 2 == [(each.status, told(each.data)) for each in answers]
    assert b'gpu_exporter_http_requests_rejected_total{reason="busy"} 1\n' in last
    assert b"gpu_exporter_scrapes_in_flight 1\n" in last
    assert b'gpu_exporter_http_requests_total{code="503"} 1\n' in last
    assert b"gpu_exporter_last_scrape_duration_seconds " in last


def test_a_page_that_is_late() -> None:
    """A scrape is refused before its time is over, however long its page takes."""
    publisher, free = Shown(), threading.Event()
    publisher.before = lambda: free.wait(20)
    with serving(publisher) as served:
        began = time.monotonic()
        late = served.ask("/metrics", X_Prometheus_Scrape_Timeout_Seconds="0.5")
        took = time.monotonic() - began
        free.set()
        after = served.ask("/metrics", X_Prometheus_Scrape_Timeout_Seconds="0.5")

    assert (503, "5") == (late.status, late.headers["Retry-After"])
    assert 10 > took
    assert 200 == after.status
    assert b'gpu_exporter_http_requests_rejected_total{reason="late"} 1\n' in after.data


def test_a_page_that_fails() -> None:
    """A defect is a 500, and takes no place for ever."""
    publisher = Shown()

    def fail() -> None:
        raise RuntimeError("a defect")

    publisher.before = fail
    with serving(publisher, most_requests=1) as served:
        codes = [served.ask("/metrics").status for _ in range(3)]
        publisher.before = lambda: None
        codes.append(served.ask("/metrics").status)

    assert [500, 500, 500, 200] == codes


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        *[("10", 9.5), ("1", 0.9), ("0.1", 0.09), ("90", 60)],
        *[(None, 60), ("x", 60), ("nan", 60), ("-1", 60)],
    ],
)
def test_patience(header: str | None, expected: float) -> None:
    """A page may take its client's time less half a second, or a tenth; a minute if it has none."""
    assert expected == pytest.approx(patience(header))
