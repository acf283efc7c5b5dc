"""No secret that an exporter is given is in anything that it says, whoever asks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import pytest
import requests

from demo.nvml.build import environment
from demo.nvml.models import H100, device
from demo.nvml.scenario import Scenario, write
from demo.processes import LOOPBACK, Process, free_port, wait_for
from tests.exporter.test_cli import COMMAND
from tests.support import apiserver
from tests.support.objects import node, pod
from tests.support.tls import Certificate, self_signed

pytestmark = [pytest.mark.attacks, pytest.mark.e2e]

_PASSWORD = "canary-password"  # noqa: S105 - of a test
_WRONG = "canary-wrong"
_GOOD, _STALE = "canary-token", "canary-stale-token"
_HASH = bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(4)).decode()
_KINDS = ("node", "cluster")
# As other programs would take them for the end of a line, a command or another order of letters.
_ODD = "a%0d%0aforged%1b%5b31m%e2%80%a8%e2%80%ae"
_ODD_NAME = "job\r\nforged \x1b[31m\u2028\u202e"


@pytest.fixture(name="said", scope="module", params=_KINDS)
def _said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return all that an exporter said: to its log and to everybody who asked."""
    kind, folder = request.param, tmp_path_factory.mktemp("exporter")
    certificate = self_signed(folder)
    web = folder / "web.yml"
    web.write_text(
        f"tls_server_config: {{cert_file: {certificate.cert}, key_file: {certificate.key}}}\n"
        f'basic_auth_users: {{"me": "{_HASH}"}}\n'
    )
    answers: list[str] = []
    with _exporter(kind, folder, web) as (cluster, url):
        cluster.rotate_tokens("another")
        cluster.put(pod("odd", node_name="n1", labels={"job-name": _ODD_NAME}))
        answers += _asked(url, certificate)
        # What cannot be taken is told of; what was taken before is kept.
        web.write_text(f"basic_auth_users: {{me: {_PASSWORD}}}\n")
        wait_for(
            lambda: "bcrypt" in _log(folder, url, certificate), seconds=60, what="a word", every=0.3
        )
        answers += _asked(url, certificate)
    key = certificate.key.read_text().splitlines()[1]
    told = "\n".join([*answers, (folder / "log").read_text()])
    assert key not in told
    return told


@contextmanager
def _exporter(kind: str, folder: Path, web: Path) -> Iterator[tuple[apiserver.Cluster, str]]:
    scenario = folder / "one.ini"
    write(scenario, Scenario(devices=(device(H100, "GPU-a", 0, busy=0.5),)))
    address = f"{LOOPBACK}:{free_port()}"
    with apiserver.running(node("n1"), tokens=[_GOOD]) as cluster:
        config = cluster.kubeconfig(folder / "kubeconfig", token=_GOOD)
        command = [
            *(COMMAND, kind, f"--web.listen-address={address}", f"--web.config.file={web}"),
            *("--log.format=json", "--log.level=debug", f"--kubeconfig={config}"),
            *(("--kubernetes.api",) if kind == "node" else ()),
        ]
        given = {**environment(scenario), "NODE_NAME": "n1"}
        with Process(kind, command, log=folder / "log", environment=given) as process:
            wait_for(
                lambda: "listening on" in process.log.read_text(), seconds=60, what="the exporter"
            )
            wait_for(lambda: bool(cluster.seen()), seconds=60, what="a question")
            yield cluster, f"https://{address}"


def _asked(url: str, certificate: Certificate) -> list[str]:
    found = []
    for who in (None, ("me", _PASSWORD), ("me", _WRONG), (_WRONG, _WRONG)):
        for path in ("/metrics", "/healthz", "/readyz", "/", f"/{_ODD}?token={_STALE}"):
            agent = "agent\x1b[31m" if _ODD in path else "agent"
            answer = requests.get(
                url + path, auth=who, verify=str(certificate.cert), timeout=60,
                headers={"User-Agent": agent, "Cookie": _STALE},
            )  # fmt: skip
            found.append(f"{answer.headers}{answer.text}")
    return found


def _log(folder: Path, url: str, certificate: Certificate) -> str:
    """Return the log; a configuration is read when somebody asks."""
    requests.get(f"{url}/metrics", auth=("me", _PASSWORD), verify=str(certificate.cert), timeout=30)
    return (folder / "log").read_text()


def test_no_secret_is_told(said: str) -> None:
    """Neither the API server's token, passwords, their hashes, nor what strangers try."""
    assert "gpu_exporter" in said
    assert [] == [
        secret for secret in (_GOOD, _STALE, _PASSWORD, _WRONG, _HASH, "canary") if secret in said
    ]


def test_every_line_of_the_log_is_one_object(said: str) -> None:
    """Whatever strangers and pods are called: one printable JSON object in each line."""
    lines = [line for line in said.split("\n") if line.startswith('{"')]

    assert lines
    for line in lines:
        assert line.isprintable(), line
        assert isinstance(json.loads(line), dict)
