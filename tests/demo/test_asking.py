"""The demo goes on when a busy machine is late with an answer, and says what was refused."""

import socket
from collections.abc import Iterator

import pytest

from demo.asking import AskError, asked, patiently
from demo.processes import LOOPBACK
from tests.support.answering import AnsweringServer

_WELL = {"told": 1}


@pytest.fixture(name="answers")
def _answers() -> list[tuple[int, bytes]]:
    """What is answered to one request after another; the last one to all that follow."""
    return [(503, b"not yet"), (200, b'{"told": 1}')]


@pytest.fixture(name="url")
def _url(answers: list[tuple[int, bytes]], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    def answer(_path: str, _query: object) -> tuple[int, dict[str, str], bytes]:
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        return status, {}, body

    monkeypatch.setattr("demo.asking.time.sleep", lambda _: None)
    with AnsweringServer(answer) as server:
        yield f"{server.url}/x"


def test_a_late_answer_is_asked_for_again(url: str) -> None:
    """An answer that comes at the second request is taken."""
    assert _WELL == patiently(lambda: asked(url))


def test_patience_has_an_end(url: str, answers: list[tuple[int, bytes]]) -> None:
    """What never answers is said in the end, in its own words."""
    answers[:] = [(503, b"never")]
    with pytest.raises(AskError, match=f"^GET {url} was answered 503: never$"):
        patiently(lambda: asked(url), seconds=-1)


def test_a_refusal_is_final(url: str, answers: list[tuple[int, bytes]]) -> None:
    """What no time will mend is not asked again."""
    answers.insert(0, (404, b"no such thing"))
    with pytest.raises(AskError, match="404: no such thing"):
        patiently(lambda: asked(url))


def test_nobody_there() -> None:
    """An address where nobody listens is named, and nobody waits for it."""
    with pytest.raises(AskError, match=r"^GET http://127.0.0.1:9/: .*refused"):
        patiently(lambda: asked("http://127.0.0.1:9/"))


def test_who_is_late_may_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes a request and does not answer it may answer the next one."""
    monkeypatch.setattr("demo.asking._TIMEOUT_SECONDS", 0.05)
    with (
        socket.create_server((LOOPBACK, 0)) as server,
        pytest.raises(AskError, match="timed out") as late,
    ):
        asked(f"http://{LOOPBACK}:{server.getsockname()[1]}/")

    assert late.value.transient
