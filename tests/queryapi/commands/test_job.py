"""`gpuscope-api job watch` shows a job to its end, whatever happens on the way."""

import io
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.processes import LOOPBACK, free_port, wait_for
from queryapi.cli import main
from queryapi.commands import job as command
from queryapi.commands.watching import way
from tests.support.jobstand import StandIn, stand_in

METRICS = {"gpuUtilization": 87, "gpuMemoryUsed": 18000, "gpuMemoryTotal": 24000}


class _Output(io.StringIO):
    """A terminal, or none."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


class Watcher:
    """One run of the command, in a thread."""

    def __init__(self, service: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        self.status: int | None = None
        self.out = _Output(terminal=False)
        self._service, self._monkeypatch = service, monkeypatch

    def start(self, *arguments: str, terminal: bool = False) -> None:
        """Begin to watch the job `j`."""
        self.out = _Output(terminal=terminal)
        self._monkeypatch.setattr(sys, "stdout", self.out)
        given = ["--url", self._service.url, "--stream-url", self._service.stream_url]

        def run() -> None:
            self.status = main(["job", "watch", "j", *given, *arguments])

        threading.Thread(target=run, daemon=True).start()

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait."""
        wait_for(holds, seconds=60, what=f"in what was shown:\n{self.out.getvalue()}")

    def ended(self) -> int:
        """Return the exit status."""
        self.until(lambda: self.status is not None)
        assert self.status is not None
        return self.status


@pytest.fixture(name="service", scope="module")
def _service() -> Iterator[StandIn]:
    with stand_in() as service:
        yield service


@pytest.fixture
def watcher(service: StandIn, monkeypatch: pytest.MonkeyPatch) -> Watcher:
    """The command on a service that knows no job yet, with back-off but no waiting."""
    service.jobs.clear()
    service.subscribed.clear()
    monkeypatch.setattr(way, "_SHORTEST", 0.01)
    for name in ("GPUSCOPE_URL", "GPUSCOPE_TOKEN", "GPUSCOPE_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    return Watcher(service, monkeypatch)


def _report(service: StandIn, progress: float, *lines: str) -> None:
    logs = [{"level": "info", "message": line} for line in lines]
    body = {"progress": progress, "currentOperation": f"at {progress}", "logLines": logs}
    service.post("j", "progress", body | {"metrics": METRICS})


def test_a_job_is_followed_to_its_end(service: StandIn, watcher: Watcher) -> None:
    """What happens is written line by line where there is no terminal, each line once."""
    _report(service, 10, "begun")
    watcher.start()
    watcher.until(lambda: bool(service.subscribed))
    _report(service, 50, "half")
    _report(service, 100, "done")

    assert 0 == watcher.ended()
    text = watcher.out.getvalue()
    assert [1, 1, 1] == [text.count(f" {line}\n") for line in ("begun", "half", "done")]
    assert "RUNNING  50.0 %  at 50  GPU 87 %, 18000/24000 MiB" in text
    assert "COMPLETED  100.0 %" in text
    assert "\x1b" not in text


def test_a_lost_connection_loses_nothing(service: StandIn, watcher: Watcher) -> None:
    """It comes back for what it missed, says so, and shows nothing twice."""
    _report(service, 10)
    watcher.start()
    watcher.until(lambda: bool(service.subscribed))
    _report(service, 20, "before")
    watcher.until(lambda: "before" in watcher.out.getvalue())
    service.cut()
    _report(service, 30, "meanwhile")
    _report(service, 100, "after")

    assert 0 == watcher.ended()
    text = watcher.out.getvalue()
    assert [1, 1, 1] == [text.count(f" {line}\n") for line in ("before", "meanwhile", "after")]
    assert "1-1" == service.subscribed[-1]["epoch"]
    assert 1 <= service.subscribed[-1]["since"] <= 3


def test_what_is_shown_is_not_told_again(service: StandIn, watcher: Watcher) -> None:
    """What is known is where it goes on from: no figure goes back to that of the last report."""
    _report(service, 10, "begun")
    watcher.start()
    watcher.until(lambda: bool(service.subscribed))
    _report(service, 100)

    assert 0 == watcher.ended()
    assert {"since": 2, "epoch": "1-1"}.items() <= service.subscribed[0].items()


def test_silence_is_looked_into(
    service: StandIn, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job whose worker is gone is shown as such, though nobody sends a word of it."""
    monkeypatch.setattr(way, "_QUIET", 0.01)
    _report(service, 10)
    watcher.start()
    watcher.until(lambda: bool(service.subscribed))
    service.jobs["j"]["silent"] = "2026-01-01T12:00:00.000Z"
    watcher.until(lambda: "RUNNING, silent since 12:00:00 UTC" in watcher.out.getvalue())
    service.jobs["j"]["silent"] = None
    _report(service, 100)

    assert 0 == watcher.ended()


def test_a_reader_that_has_enough_ends_it(
    service: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`| head -1` gets its line, and no trace of a failure."""

    class Closed(_Output):
        def flush(self) -> None:
            raise BrokenPipeError

        def fileno(self) -> int:
            return spare.fileno()

    service.jobs.clear()
    _report(service, 10)
    with (tmp_path / "out").open("w") as spare:
        monkeypatch.setattr(sys, "stdout", Closed(terminal=False))

        assert 141 == main(["job", "watch", "j", "--url", service.url])


def test_a_poor_terminal_shows_what_it_can(
    service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the locale knows ASCII alone, other signs are question marks."""
    service.jobs.clear()
    _report(service, 10, "82°C")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))

    assert 0 == main(["job", "watch", "j", "--url", service.url, "--once"])
    assert b"82?C" in written.getvalue()


def test_a_file_that_holds_no_token_is_not_told(
    watcher: Watcher, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What stands in it may be a secret all the same."""
    (tmp_path / "token").write_text("gpuscope_secret\nmore", encoding="utf-8")
    watcher.start("--token-file", str(tmp_path / "token"))

    assert 3 == watcher.ended()
    said = capsys.readouterr().err
    assert "must be one line" in said
    assert "secret" not in said


def test_a_wrong_stream_url_is_said(
    service: StandIn, watcher: Watcher, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where something else answers, the message names the option to set."""
    _report(service, 10)
    watcher.start("--stream-url", service.url.replace("http", "ws"))

    assert 3 == watcher.ended()
    assert "--stream-url says where they are" in capsys.readouterr().err


def test_a_terminal_is_drawn_in_place(service: StandIn, watcher: Watcher) -> None:
    """Each picture takes the place of the one before; what jobs log cannot command the terminal."""
    _report(service, 10, "evil \x1b]0;title\x07\nline")
    watcher.start(terminal=True)
    watcher.until(lambda: bool(service.subscribed))
    _report(service, 100)

    assert 0 == watcher.ended()
    first, *_, last = watcher.out.getvalue().split("\x1b[J")[1:]
    assert "[####------------------------------------] 10.0 %" in first
    assert "evil �]0;title� line" in first
    assert "COMPLETED" in last
    assert f"[{'#' * 40}] 100.0 %" in last
    assert f"\x1b[{first.count(chr(10))}A" in watcher.out.getvalue()


def test_a_failed_job_is_status_1(service: StandIn, watcher: Watcher) -> None:
    """Scripts can tell; its error is shown."""
    _report(service, 10)
    watcher.start()
    watcher.until(lambda: bool(service.subscribed))
    service.post("j", "complete", {"status": "failed", "error": "CUDA out of memory"})

    assert 1 == watcher.ended()
    assert "FAILED  10.0 %" in watcher.out.getvalue()
    assert "CUDA out of memory" in watcher.out.getvalue()


@pytest.mark.parametrize(("ended", "status"), [(None, 0), ("completed", 0), ("failed", 1)])
def test_once_asks_once(service: StandIn, watcher: Watcher, ended: str | None, status: int) -> None:
    """It shows how the job is and ends, without a WebSocket."""
    _report(service, 10)
    if ended:
        service.post("j", "complete", {"status": ended})
    watcher.start("--once")

    assert status == watcher.ended()
    assert "0.0 %  at 10" in watcher.out.getvalue()
    assert [] == service.subscribed


def test_an_unknown_job_is_status_2(watcher: Watcher, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said in one sentence."""
    watcher.start()

    assert 2 == watcher.ended()
    assert "gpuscope-api: there is no job 'j'\n" == capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url", f"http://{LOOPBACK}:{free_port()}"], "refused"),
        (["--url", "ftp://x", "--stream-url", ""], "--url: must begin with http:// or https://"),
        (["--url", "http://x:y", "--stream-url", ""], "--url: Port"),
        (["--token-file", "/nowhere"], "the token cannot be read"),
    ],
)
def test_what_cannot_be_watched_is_status_3(
    watcher: Watcher, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """The reason is one sentence."""
    watcher.start(*arguments)

    assert 3 == watcher.ended()
    assert said in capsys.readouterr().err


def test_ctrl_c_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with the status that shells know, and says nothing."""

    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_watch", interrupted)

    assert 130 == main(["job", "watch", "j"])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8081/ws"),
        ("https://gpuscope.example", "wss://gpuscope.example/ws"),
        ("http://[::1]:9000/", "ws://[::1]:9000/ws"),
    ],
)
def test_the_stream_is_found_beside_the_api(url: str, expected: str) -> None:
    """The shipped ports belong together; behind a proxy both are one."""
    assert expected == command._beside(url)
