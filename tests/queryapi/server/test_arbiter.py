"""Workers that fail at their start cost little, and are back when they can."""

import json
import os
import sys
from pathlib import Path

import pytest

from demo.processes import LOOPBACK, Process, free_port, wait_for

pytestmark = pytest.mark.e2e

_SECONDS = 60
_PROGRAM = """
import os, signal, sys
from pathlib import Path
from queryapi import app, cli
build = app.build
def killed(*arguments, **options):
    if Path(os.environ["ILL"]).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return build(*arguments, **options)
app.build = killed
sys.exit(cli.main())
"""


def test_workers_that_die_at_once_are_started_with_growing_pauses(tmp_path: Path) -> None:
    """As where memory is too small; the log says when, and the service answers once they live."""
    url, settings, ill = f"{LOOPBACK}:{free_port()}", tmp_path / "gpuscope.yml", tmp_path / "ill"
    clusters = [{"name": "prod-cluster", "prometheus_url": f"http://{LOOPBACK}:1"}]
    given = {"listen": [url], "stream_listen": None, "database_url": None, "clusters": clusters}
    settings.write_text(json.dumps(given))
    ill.touch()
    command = [sys.executable, "-c", _PROGRAM, "--config", str(settings)]
    environment = {**os.environ, "ILL": str(ill)}
    log = tmp_path / "api.log"
    with Process("api", command, log, environment, f"http://{url}/healthz") as service:
        wait_for(lambda: "starts in 2 s" in log.read_text(), seconds=_SECONDS, what="a pause")
        begun = log.read_text().count("Booting worker")
        ill.unlink()
        service.wait_ready(seconds=_SECONDS)
        service.stop()

        assert 0 == service._running().returncode
    assert 3 == begun
    assert "workers end within 10 s of their start; the next one starts in 1 s" in log.read_text()
