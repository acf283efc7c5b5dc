"""Asks an API again and again, as its clients do, and keeps every answer."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer, and when it was asked for and there, in Unix seconds."""

    asked: float
    came: float
    answer: requests.Response

    @property
    def fresh(self) -> bool:
        """Whether it is a success that tells of nothing old."""
        return self.answer.ok and not self.warned("110")

    @property
    def stale(self) -> bool:
        """Whether it is a success that is marked as old."""
        return self.answer.ok and self.warned("110")

    def warned(self, code: str) -> bool:
        """Tell whether it carries that warning."""
        said = self.answer.headers.get("Warning", "")
        return any(each.strip().startswith(code) for each in said.split(","))


@dataclass(slots=True)
class Recorder:
    """All answers, by what was asked."""

    heard: dict[str, list[Heard]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def between(self, url: str, start: float, end: float) -> list[Heard]:
        """Return what was asked for from *start* on and had come by *end*."""
        return [each for each in self.heard[url] if start <= each.asked and each.came <= end]

    @contextmanager
    def asking(
        self, clients: Sequence[Mapping[str, Callable[[requests.Session], Any]]], pause: float
    ) -> Iterator[None]:
        """Let *clients* ask while the context lasts, each one question after the other.

        Args:
            clients: What each of them asks: its name, and how.
            pause: Seconds before it begins anew.
        """
        threads = [
            threading.Thread(target=self._ask, args=(client, pause), daemon=True)
            for client in clients
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(2 * _TIMEOUT_SECONDS)

    def _ask(self, client: Mapping[str, Callable[[requests.Session], Any]], pause: float) -> None:
        with requests.Session() as session:
            # Tests change the environment meanwhile.
            session.trust_env = False
            while not self._over.wait(pause):
                for name, ask in client.items():
                    asked = time.time()
                    try:
                        answer = ask(session)
                    except Exception as error:  # noqa: BLE001 - told to whoever looks
                        self.failed.append(f"{name}: {error!r}")
                        continue
                    self.heard.setdefault(name, []).append(Heard(asked, time.time(), answer))


def getting(url: str, **query: str) -> Callable[[requests.Session], requests.Response]:
    """Return how to ask for *url*."""
    return lambda session: session.get(url, params=query, timeout=_TIMEOUT_SECONDS)


@dataclass(slots=True)
class Pushed:
    """What one client of a WebSocket was sent.

    Attributes:
        messages: When each came, in Unix seconds, and what it was.
        cut: Whether the other side ended it.
    """

    messages: list[tuple[float, str]] = field(default_factory=list)
    cut: bool = False


@contextmanager
def listening_to(url: str) -> Iterator[Pushed]:
    """Keep what is sent over one WebSocket while the context lasts."""
    pushed, over = Pushed(), threading.Event()
    with connect(url, compression=None, proxy=None, open_timeout=_TIMEOUT_SECONDS) as client:

        def listen() -> None:
            try:
                for message in client:
                    pushed.messages.append((time.time(), str(message)))
            except ConnectionClosed:
                pass
            pushed.cut = not over.is_set()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield pushed
        over.set()
    thread.join(_TIMEOUT_SECONDS)
