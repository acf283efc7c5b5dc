"""The command lines of docker-compose.yml, run as processes: paths, names and ports are mapped.

What a container would have mounted is copied into a folder that stands in for its root; each port
of each service gets a spare one of loopback. Everything else is as the file has it.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demo import stack
from demo.nvml.build import environment
from demo.processes import LOOPBACK, Process, free_port, wait_for
from tests.support import compose

PORTS = {
    "exporter-node": [9400],
    "exporter-cluster": [9401],
    "node-exporter": [9100],
    "prometheus": [9090],
    "alertmanager": [9093],
    "queryapi": [8080, 50062, 8081],
    "demo": [6443],
}
_DEBIAN = {"alertmanager": "alertmanager", "node-exporter": "node-exporter"}
_SECONDS = 300.0
_SCRAPE_SECONDS = 2


class Uncontained:
    """The stack without containers.

    Args:
        root: Stands in for the containers' roots, which are one here.
    """

    def __init__(self, root: Path) -> None:
        self.services = compose.services()
        self._root = root
        self._ports = {(name, port): free_port() for name, ports in PORTS.items() for port in ports}
        for service in self.services.values():
            for source, target, _ in compose.mounts(service):
                self._mount(source, target)

    def url(self, service: str, port: int) -> str:
        """Return where a port of a service is."""
        return f"http://{LOOPBACK}:{self._ports[service, port]}"

    def process(self, name: str, *more: str) -> Process:
        """Return a service's process, with *more* arguments."""
        service = self.services[name]
        command = [*_program(name, service), *self._mapped(name, [*service["command"], *more])]
        variables = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        variables |= {"PYTHONPATH": str(stack.ROOT), "PYTHONUNBUFFERED": "1"}
        if name == "exporter-node":
            # Its library is the one that a machine with GPUs has.
            variables |= environment(self._root / "none.ini")
        return Process(name, command, log=self._root / f"{name}.log", environment=variables)

    def wait_healthy(self, name: str, process: Process) -> None:
        """Wait until a service's own health check is content."""
        _, *check = self.services[name]["healthcheck"]["test"]
        command = self._mapped(name, check)
        if command[0] == "wget":
            # Every image of these has one; this machine need not.
            command = ["curl", "-sf", "-o", os.devnull, command[-1]]
        elif command[0] == "python":
            command[0] = sys.executable

        port = self._ports[name, PORTS[name][0]]

        def healthy() -> bool:
            assert process.alive(), process.last_words()
            # A check is a program of its own: none is started for who cannot be well yet.
            return _listens(port) and _succeeds(command)

        wait_for(healthy, seconds=_SECONDS, what=f"{name}: {process.last_words()}", every=0.5)

    def _mount(self, source: str, target: str) -> None:
        inside = self._inside(target)
        inside.parent.mkdir(parents=True, exist_ok=True)
        if source.startswith("."):
            shutil.copytree(compose.local(source), inside, dirs_exist_ok=True)
            for path in inside.rglob("*.yml"):
                path.write_text(self._quick(self._text(path.read_text())))
        elif source.startswith("/"):
            inside.symlink_to(source)
        elif not inside.exists():
            volume = self._root / "volumes" / source
            volume.mkdir(parents=True, exist_ok=True)
            inside.symlink_to(volume)

    def _inside(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def _text(self, text: str) -> str:
        """Return a configuration with each service's address, and each volume, where it is here."""
        for (name, port), spare in self._ports.items():
            text = text.replace(f"{name}:{port}", f"{LOOPBACK}:{spare}")
            text = text.replace(f"0.0.0.0:{port}", f"{LOOPBACK}:{spare}")
            asked = (
                f"dns_sd_configs:\n      - names: [{name}]\n        type: A\n        port: {port}\n"
            )
            named = f"labels: {{__meta_dns_name: {name}}}"
            found = f'static_configs: [{{targets: ["{LOOPBACK}:{spare}"], {named}}}]\n'
            text = text.replace(asked, found)
        return text.replace("/var/lib/gpuscope", str(self._inside("/var/lib/gpuscope")))

    @staticmethod
    def _quick(text: str) -> str:
        """Return a configuration or rules of Prometheus with intervals that a test can wait for."""
        text = re.sub(r"(scrape|evaluation)_(interval|timeout): \d+s",
                      rf"\1_\2: {_SCRAPE_SECONDS}s", text)  # fmt: skip
        return re.sub(r"^    interval: .*\n", "", text, flags=re.MULTILINE)

    def _mapped(self, name: str, arguments: Sequence[str]) -> list[str]:
        return [self._argument(name, argument) for argument in arguments]

    def _argument(self, name: str, text: str) -> str:
        targets = {target for _, target, _ in compose.mounts(self.services[name])}
        for target in sorted(targets, key=len, reverse=True):
            text = re.sub(
                rf"(?<![\w/]){re.escape(target)}(?=/|$|\W)", str(self._inside(target)), text
            )
        for (other, port), spare in self._ports.items():
            text = text.replace(f"{other}:{port}", f"{LOOPBACK}:{spare}")
            if other == name:
                text = re.sub(rf"(?:127\.0\.0\.1|0\.0\.0\.0|(?<==)):{port}\b",
                              f"{LOOPBACK}:{spare}", text)  # fmt: skip
        return text.replace("=0.0.0.0", f"={LOOPBACK}").replace("--host=demo", f"--host={LOOPBACK}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return 0 == probe.connect_ex((LOOPBACK, port))


def _succeeds(command: Sequence[str]) -> bool:
    # Nothing of ours runs in a check: there is nothing to measure, and a start to spare.
    variables = {**os.environ, "COVERAGE_PROCESS_CONFIG": ""}
    done = subprocess.run(command, env=variables, capture_output=True, check=False)
    return 0 == done.returncode


def _program(name: str, service: Mapping[str, Any]) -> list[str]:
    if "entrypoint" in service:
        return list(service["entrypoint"])
    if "build" not in service:
        return [stack.debian(_DEBIAN[name])] if name in _DEBIAN else [name]
    dockerfile = (stack.ROOT / service["build"]["dockerfile"]).read_text()
    [entrypoint] = re.findall(r"^ENTRYPOINT (.+)$", dockerfile, re.MULTILINE)
    program, *arguments = json.loads(entrypoint)
    return [str(Path(sys.executable).with_name(program)), *arguments]
