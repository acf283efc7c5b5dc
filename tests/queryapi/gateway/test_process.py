"""The gateway says why it cannot serve, or serve as many as it should."""

import resource
import socket
import subprocess
import sys

import pytest

from demo.processes import LOOPBACK
from queryapi.gateway import process
from queryapi.settings import Settings, Stream


def test_a_port_that_is_taken_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    """The status is 1 and the log names the address: whoever started it tries again."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        address = f"{LOOPBACK}:{taken.getsockname()[1]}"
        settings = Settings(stream_listen=address, stream=Stream(connections=1))

        assert 1 == process.run(settings, lambda: None)
    assert f"stream_listen: cannot listen on {address}: " in caplog.text


@pytest.mark.parametrize(
    ("expected", "limits"),
    [((1512, 4096), (1024, 4096)), ((1200, 1200), (1024, 1200)), (None, (4096, 4096))],
)
def test_it_may_open_a_file_for_every_client(
    expected: tuple[int, int] | None,
    limits: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As far as the system allows; when that is too little the log says so."""
    given = list[tuple[int, int]]()
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: given.append(wanted))
    process._allow_files(1512)

    assert ([] if expected is None else [expected]) == given
    assert (limits[1] < 1512) == ("only 1200 files may be open" in caplog.text)


def test_it_loads_nothing_that_it_does_not_use() -> None:
    """It answers no HTTP and has no database: their libraries cost as much memory as it needs."""
    code = (
        "import sys, queryapi.gateway.process;"
        "print(sorted({'flask', 'gunicorn', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert "[]\n" == done.stdout
