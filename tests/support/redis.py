"""A real Redis on a spare port, which a test may stop, kill, freeze and start again."""

import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.processes import LOOPBACK, Process, free_port, wait_for

_SETTLED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A Redis that keeps nothing on disk."""

    port: int
    process: Process

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def say(self, *words: str) -> str:
        """Send one command and return the answer as it came, by the protocol of Redis."""
        return _say(self.port, *words)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process.start()
        wait_for(self._answers, seconds=_SETTLED_SECONDS, what="redis-server", every=0.01)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()

    def freeze(self) -> None:
        """Stop it from running: connections are accepted by the kernel, nothing is answered."""
        self.process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again."""
        self.process.signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            # With a password it refuses, which is an answer.
            return self.say("PING").startswith(("+PONG", "-NOAUTH"))
        except OSError:
            return False


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    """Run Redis; its log lies in *folder*.

    Args:
        folder: An existing folder.
        options: More of redis-server's own, such as `--requirepass`, `secret`.
    """
    port = free_port()
    command: Sequence[str] = [
        "redis-server", "--bind", LOOPBACK, "--port", str(port), "--dir", str(folder),
        "--save", "", "--appendonly", "no", *options,
    ]  # fmt: skip
    server = RedisServer(port, Process("redis-server", command, folder / "redis.log"))
    server.start()
    try:
        yield server
    finally:
        if server.process.alive():
            server.thaw()
        server.process.stop()


def _say(port: int, *words: str) -> str:
    command = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    with socket.create_connection((LOOPBACK, port), timeout=60.0) as connection:
        connection.sendall(command.encode())
        return connection.recv(65536).decode()
