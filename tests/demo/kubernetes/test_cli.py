"""`python -m demo.kubernetes` as a process."""

import json
import signal
import sys
from pathlib import Path

import pytest
import yaml

from demo.kubernetes.cli import main
from demo.processes import Process, free_port, wait_for
from tests.support.apiclient import get, watch
from tests.support.cluster_objects import node, pod
from tests.support.tls import self_signed

MODULE = [sys.executable, "-m", "demo.kubernetes"]


def test_it_serves_a_file_and_stops_on_request(tmp_path: Path) -> None:
    """Objects, token and kubeconfig in; one ready line out; SIGTERM ends it with 0."""
    things, tokens, config = tmp_path / "o.json", tmp_path / "tokens", tmp_path / "config"
    things.write_text(json.dumps({"kind": "List", "items": [node("n1"), pod("p1")]}))
    tokens.write_text("first\nsecond\n")
    port = free_port()
    command = [
        *MODULE, "--listen", f"127.0.0.1:{port}", "--objects", str(things),
        "--token-file", str(tokens), "--kubeconfig-out", str(config),
        "--bookmark-interval", "0.05", "--event-history", "16",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    log = tmp_path / "log"
    with Process("api server", command, log, ready_url=f"{url}/readyz") as server:
        server.wait_ready()
        wait_for(lambda: "ready" in log.read_text(), seconds=60, what="the ready line")
        written = yaml.safe_load(config.read_text())
        token = written["users"][0]["user"]["token"]
        header = {"Authorization": f"Bearer {token}"}
        names = get(f"{url}/api/v1/pods", headers=header).names
        query = {"allowWatchBookmarks": "1", "resourceVersion": "3"}
        with watch(f"{url}/api/v1/pods", query, headers=header) as stream:
            bookmark = stream.next()["type"]
        server.signal(signal.SIGTERM)
        wait_for(lambda: not server.alive(), seconds=60, what="the end of the server")

    assert f"ready: {url} (1 nodes, 1 pods)\n" == log.read_text()
    assert (url, "first") == (written["clusters"][0]["cluster"]["server"], token)
    assert (["p1"], "BOOKMARK") == (names, bookmark)


def test_it_serves_tls_and_says_so_in_the_kubeconfig(tmp_path: Path) -> None:
    """The kubeconfig names the certificate, so that clients trust it and send their token."""
    made, config, log = self_signed(tmp_path), tmp_path / "config", tmp_path / "log"
    tokens = tmp_path / "tokens"
    tokens.write_text("good")
    command = [
        *MODULE, "--tls-cert", str(made.cert), "--tls-key", str(made.key),
        "--token-file", str(tokens), "--kubeconfig-out", str(config),
    ]  # fmt: skip
    with Process("api server", command, log):
        wait_for(lambda: "ready" in log.read_text(), seconds=60, what="the ready line")
        written = yaml.safe_load(config.read_text())
        there = written["clusters"][0]["cluster"]
        header = {"Authorization": f"Bearer {written['users'][0]['user']['token']}"}
        authority = Path(there["certificate-authority"])
        answer = get(f"{there['server']}/api/v1/nodes", headers=header, authority=authority)

    assert "NodeList" == answer.json["kind"]


def test_a_bad_file_ends_it_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1, the file's name on stderr, no traceback."""
    assert 1 == main(["--objects", str(tmp_path / "absent.yaml")])
    assert "absent.yaml" in capsys.readouterr().err


def test_a_certificate_that_is_none_ends_it_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """TLS is set up before anything is served."""
    broken = tmp_path / "tls.crt"
    broken.write_text("nothing")

    assert 1 == main(["--tls-cert", str(broken), "--tls-key", str(broken)])
    assert "demo.kubernetes:" in capsys.readouterr().err
