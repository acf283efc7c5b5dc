"""A real PostgreSQL on a spare port, which a test may kill, freeze and start again."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from demo.processes import LOOPBACK, Process, free_port, wait_for
from tests.support.processes import children

USER, PASSWORD = "gpuscope", "a long / secret"
_QUOTED = "a%20long%20%2F%20secret"
CONNECTIONS = 40
"""So many it takes at a time."""
# Debian keeps the programs of each version apart, and off PATH.
_DEBIAN = Path("/usr/lib/postgresql")
_SETTLED_SECONDS = 60.0
# Durable, as in earnest; small, and nobody reaches it but by TCP on loopback.
_OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "16MB",
    "max_connections": str(CONNECTIONS),
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
}
_NAMES = count(1)


@dataclass(frozen=True, slots=True)
class PostgresqlServer:
    """A PostgreSQL with a password."""

    port: int
    process: Process

    def url(self, database: str, password: str = f":{_QUOTED}") -> str:
        """Return the URL of one of its databases."""
        return f"postgresql+psycopg://{USER}{password}@{LOOPBACK}:{self.port}/{database}"

    def fresh(self, like: str = "template1") -> str:
        """Make a database with what is in another one of these; returns its URL."""
        name = f"test_{os.getpid()}_{next(_NAMES)}"
        self.say(f"CREATE DATABASE {name} TEMPLATE {like}")
        return self.url(name)

    def say(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement, in no transaction; returns its rows."""
        with psycopg.connect(
            host=LOOPBACK, port=self.port, user=USER, password=PASSWORD, dbname=database,
            autocommit=True, connect_timeout=60,
        ) as connection:  # fmt: skip
            answer = connection.execute(statement.encode())
            return answer.fetchall() if answer.description else []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process.start()
        wait_for(self._answers, seconds=_SETTLED_SECONDS, what="postgres", every=0.02)

    def kill(self) -> None:
        """End it at once, as a crash would, and wait until nothing of it is left."""
        family = self._family()
        self.process.kill()
        for pid in family:
            wait_for(lambda pid=pid: not _lives(pid), seconds=60, what="its end")  # type: ignore[misc]

    def freeze(self) -> None:
        """Stop all of it from running: the kernel takes what is sent, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it without waiting for its clients."""
        if self.process.alive():
            self.thaw()
            self.process.signal(signal.SIGINT)
        self.process.stop()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._family():
            # One whose client has left may end meanwhile.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _family(self) -> Sequence[int]:
        return [self.process.pid, *children(self.process.pid)]

    def _answers(self) -> bool:
        try:
            return self.say("SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            return False


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Run PostgreSQL in a folder of its own, which ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="gpuscope-postgresql-"))
    try:
        data = folder / "data"
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (folder, secret):
                shutil.chown(path, "postgres")
        _made(data, secret)
        port = free_port()
        options = [f"--{name}={value}" for name, value in {**_OPTIONS, "port": port}.items()]
        command = [*_as_nobody_special(), _program("postgres"), "-D", str(data), *options]
        server = PostgresqlServer(port, Process("postgres", command, folder / "log"))
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(data: Path, secret: Path) -> None:
    command = [
        *(*_as_nobody_special(), _program("initdb"), "-D", str(data), "-U", USER),
        *("--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--encoding=UTF8"),
        "--locale=C",
    ]
    subprocess.run(command, check=True, capture_output=True, cwd="/")


def _as_nobody_special() -> Sequence[str]:
    """Return what a command begins with: it refuses to run as root."""
    if os.getuid() != 0:
        return ()
    return ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")


@cache
def _program(name: str) -> str:
    """Return the path of one of its programs, of the newest version there is."""
    found = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which(name)
    assert path, f"no {name}: `make setup` installs PostgreSQL"
    return path


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
