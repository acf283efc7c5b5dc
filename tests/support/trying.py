"""How commands of the pages are tried where they cannot be run as they stand."""

import argparse
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest

from demo import stack
from demo.processes import LOOPBACK, Process, free_port
from demo.stack import ROOT
from exporter import arguments
from exporter.server import Publisher
from queryapi import cli
from tests.support import compose
from tests.support.stored import prepared
from tools.chart import find_helm

_SECONDS = 60.0


def run(text: str, folder: Path, /, **variables: str) -> str:
    """Run a command as it stands, in *folder*; return what it says."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env={**os.environ, "PATH": programs, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert 0 == done.returncode, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


def here(text: str, _: Path) -> None:
    """Run it in the checkout: it only reads."""
    run(text, ROOT)


def made(text: str, _: Path) -> None:
    """Have `make` say what it would do."""
    first, *others = text.split(" && ")
    run(f"{first} -n", ROOT)
    if others:
        run(".venv/bin/pre-commit validate-config", ROOT)


def understood_by_the_exporter(text: str, _: Path) -> None:
    """Have the exporter's own parser read it."""
    words = shlex.split(text, comments=True)
    options = arguments.parser(node=_build, cluster=_build).parse_args(words[1:])

    assert arguments.check(options) is None


def understood_by_the_query_api(text: str, _: Path) -> None:
    """Have the query API's own parser read it."""
    options = cli._parser().parse_args(shlex.split(text, comments=True)[1:])

    assert callable(options.run)


def ours(text: str, folder: Path, **variables: str) -> str:
    """Run a command of the query API in this process, which need not be started for it."""
    assigned, _, rest = text.partition("gpuscope-api ")
    variables |= dict(word.split("=", 1) for word in assigned.split())
    said = io.StringIO()
    with patch.dict(os.environ, variables), chdir(folder), redirect_stdout(said):
        assert 0 == cli.main(shlex.split(rest))
    return said.getvalue()


def with_tokens(text: str, folder: Path) -> None:
    """Run a command on a file of tokens, which has one."""
    text = text.replace("/etc/gpuscope/", "")
    if "token new" not in text:
        token = ours("gpuscope-api token new --role viewer --name x --file tokens.json", folder)
        text = text.replace("21d15a9415b7", token.split("_")[1])
    told = ours(text, folder)

    assert "token list" not in text or "viewer" in told
    assert json.loads((folder / "tokens.json").read_text())


def without_a_cluster(text: str, folder: Path) -> None:
    """Have kubectl make what it would send."""
    if not shutil.which("kubectl"):
        pytest.skip("no kubectl")
    (folder / "tokens.json").write_text("{}")

    assert "created (dry run)" in run(f"{text} --dry-run=client", folder)


def rendered(text: str, _: Path) -> None:
    """Have Helm make what it would install."""
    words = [word for word in shlex.split(text) if word != "--reset-then-reuse-values"]
    program = find_helm() or pytest.skip("no helm: tools/gotools installs it")
    told = run(shlex.join([program, "template", *words[2:], "--kube-version=1.33.0"]), ROOT)

    assert "kind: DaemonSet" in told


def composed(text: str, _: Path) -> None:
    """Hold profiles and services to those of docker-compose.yml: no engine runs here."""
    words = shlex.split(text[text.index("docker compose") :])[2:]
    services = compose.services()
    profiles = {one for service in services.values() for one in service.get("profiles", [])}
    while words[0] == "--profile":
        assert words[1] in profiles
        words = words[2:]
    verb, *rest = [word for word in words if word not in {"-d", "--rm"}]
    if rest[:1] == ["--entrypoint"]:
        understood_by_the_query_api(shlex.join([rest[1], *rest[3:]]), ROOT)
        rest = rest[2:]

    assert verb in {"up", "run"}
    assert verb == "up" or rest[0] in services
    for variable in re.findall(r"\b([A-Z_]+)=", text):
        assert f"${{{variable}" in compose.FILE.read_text()


def built(text: str, _: Path) -> None:
    """Hold the file to be there: what stands in it is tested, no engine builds it here."""
    assert (ROOT / shlex.split(text)[3]).is_file()


def for_compose(text: str, folder: Path) -> None:
    """Run what prepares Compose, in a folder with what the checkout has for it."""
    shutil.copytree(ROOT / "deploy" / "compose", folder / "deploy" / "compose")
    (folder / ".secrets").mkdir()
    run(text, folder)


def by_alertmanager(text: str, folder: Path) -> None:
    """Run it against an Alertmanager."""
    port = free_port()
    with stack.alertmanager(folder, port) as process:
        process.wait_ready()
        run(text.replace(f"{LOOPBACK}:9093", f"{LOOPBACK}:{port}"), folder)


def started(text: str, folder: Path) -> None:
    """Start Prometheus in the checkout, on a spare port and with its data elsewhere."""
    words = shlex.split(text, comments=True)
    address = f"{LOOPBACK}:{free_port()}"
    words[words.index("--storage.tsdb.path=data")] = f"--storage.tsdb.path={folder / 'data'}"
    command = [*words, f"--web.listen-address={address}"]
    log, ready = folder / "log", f"http://{address}/-/ready"
    with Process("prometheus", command, log=log, ready_url=ready) as process:
        process.wait_ready()


def dry(text: str, _: Path) -> None:
    """Have a program of VictoriaMetrics read its flags and files, and end."""
    if not shutil.which(text.split(maxsplit=1)[0]):
        pytest.skip(f"no {text.split(maxsplit=1)[0]}")
    run(f"{text} -dryRun", ROOT)


def copied(text: str, folder: Path) -> None:
    """Run it where a database is, and its copy."""
    prepared(folder)
    shutil.copy(folder / "gpuscope.db", folder / "gpuscope-copy.db")
    if "VACUUM" in text:
        (folder / "gpuscope-copy.db").unlink()
        run(text, folder)
        text = "GPUSCOPE_DATABASE_URL=sqlite:///gpuscope-copy.db gpuscope-api db version"

    assert ours(text, folder)


def until_released(text: str, folder: Path) -> None:
    """Run it against what the exporter says once the driver is released."""
    line = 'gpu_exporter_driver_released{node="n"} 1'
    run(f"curl() {{ echo '{line}'; }}\n{text}", folder)


def _build(_: argparse.Namespace) -> Publisher:
    raise NotImplementedError
