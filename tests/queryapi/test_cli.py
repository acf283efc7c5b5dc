"""`gpuscope-api` starts, or says in a sentence why not."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from demo.processes import LOOPBACK, Process, free_port
from queryapi import version
from queryapi.cli import main
from tests.support.api_process import COMMAND


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` names the program and its version."""
    with pytest.raises(SystemExit) as end:
        main(["--version"])

    assert 0 == end.value.code
    assert f"gpuscope-api {version.current()}\n" == capsys.readouterr().out


def test_settings_can_be_checked_without_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check-config` says what would be served, and starts nothing."""
    settings = tmp_path / "gpuscope.yml"
    settings.write_text("clusters: [{name: a, prometheus_url: http://x}]")

    assert 0 == main(["--check-config", "--config", str(settings)])
    said = capsys.readouterr().out
    assert "clusters a (http://x)" in said
    assert "WebSockets on 127.0.0.1:8081" in said


def test_a_mistake_in_the_settings_ends_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message is one line on stderr and the exit status is 1."""
    settings = tmp_path / "gpuscope.yml"
    settings.write_text("clutsers: []")

    assert 1 == main(["--config", str(settings)])
    assert (
        "gpuscope-api: clutsers: no such setting; did you mean clusters?\n"
        == capsys.readouterr().err
    )


@pytest.mark.parametrize("arguments", [[], ["--check-config"]])
def test_what_the_settings_name_is_looked_at(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of tokens that is none ends the start in a sentence, and is no usable setting."""
    tokens, settings = tmp_path / "tokens", tmp_path / "gpuscope.yml"
    tokens.write_text('{"version": 1, "tokens": [{}]}')
    settings.write_text(f"auth: {{tokens_file: {tokens}}}")

    assert 1 == main([*arguments, "--config", str(settings)])
    assert capsys.readouterr().err.startswith(f"gpuscope-api: {tokens}: is not a file of tokens: ")


def test_a_port_in_use_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The taken address is named and nothing is started."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        address = f"{LOOPBACK}:{taken.getsockname()[1]}"
        monkeypatch.setenv("GPUSCOPE_LISTEN", f"{LOOPBACK}:{free_port()},{address}")

        assert 1 == main([])

    said = capsys.readouterr().err.splitlines()[-1]
    assert f"gpuscope-api: listen: cannot listen on {address}: it is in use" in said


def test_a_port_for_websockets_in_use_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The setting is named, and no process is started."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        address = f"{LOOPBACK}:{taken.getsockname()[1]}"
        monkeypatch.setenv("GPUSCOPE_LISTEN", f"{LOOPBACK}:{free_port()}")
        monkeypatch.setenv("GPUSCOPE_STREAM_LISTEN", address)

        assert 1 == main([])

    said = capsys.readouterr().err.splitlines()[-1]
    assert f"gpuscope-api: stream_listen: cannot listen on {address}: it is in use" in said


@pytest.mark.e2e
def test_it_ends_when_told_to(tmp_path: Path) -> None:
    """SIGTERM ends the service cleanly, and every line of its log is JSON."""
    address = f"{LOOPBACK}:{free_port()}"
    log = tmp_path / "log"
    process = Process(
        "gpuscope-api",
        COMMAND,
        log,
        environment={
            "GPUSCOPE_LISTEN": address,
            "GPUSCOPE_STREAM_LISTEN": f"{LOOPBACK}:{free_port()}",
            "GPUSCOPE_DATABASE_URL": f"sqlite:///{tmp_path / 'gpuscope.db'}",
        },
        ready_url=f"http://{address}/healthz",
    )
    with process:
        process.wait_ready()
        process.signal(signal.SIGTERM)
        assert process._child is not None
        status = process._child.wait(timeout=30)

    assert 0 == status
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"gunicorn.error", "queryapi.requests"} <= {line["logger"] for line in lines}


def test_everybody_loads_only_what_is_used() -> None:
    """Looking at settings loads no server, and serving without a database loads no SQL."""
    program = """
import sys
from queryapi import cli
print(cli.main(["--check-config"]), {"flask", "gunicorn", "urllib3"} & sys.modules.keys())
from queryapi import app, server, settings
app.build(settings.Settings(database_url=None)).close()
print({"sqlalchemy", "psycopg", "jwt", "redis"} & sys.modules.keys())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )

    assert ["0 set()", "set()"] == done.stdout.splitlines()[1:]


def test_it_can_be_run_as_a_module() -> None:
    """`python -m queryapi.cli` is the command."""
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, check=True, text=True)

    assert f"gpuscope-api {version.current()}\n" == done.stdout
