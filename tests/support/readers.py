"""Readers that ask all the time, and remember every answer that they did not get."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import requests
from urllib3.exceptions import NewConnectionError

_PATIENCE = 60.0
_REFUSALS = 300


class Readers:
    """Some clients, in threads of their own.

    Args:
        url: The service.
        paths: What they ask, each in turn.
        keeping: How many keep their connection.
        leaving: How many connect anew for each request.
        rest: Seconds between two requests of one of them.

    Attributes:
        answers: How often each status was answered, by path.
        cut: Requests that somebody had accepted and nobody answered: what was asked, and how; and
            whatever else went wrong, which ends none of them.
        refused: Connections that nobody took.
    """

    def __init__(
        self, url: str, paths: Sequence[str], *, keeping: int, leaving: int, rest: float = 0.02
    ) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        self.cut: list[str] = []
        self.refused = 0
        self._earlier = 0
        self._url = url
        self._paths = paths
        self._rest = rest
        self._over = threading.Event()
        self._lock = threading.Lock()
        keeps = [True] * keeping + [False] * leaving
        self._threads = [threading.Thread(target=self._read, args=(each,)) for each in keeps]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(_PATIENCE)

    @property
    def good(self) -> int:
        """How many were answered with success."""
        with self._lock:
            answered = self.answers.items()
            return self._earlier + sum(
                count for (_, status), count in answered if status < _REFUSALS
            )

    def statuses(self) -> set[tuple[str, int]]:
        """Return which statuses were answered so far, by path, and forget them."""
        with self._lock:
            told = set(self.answers)
            self._earlier += sum(self.answers[each] for each in told if each[1] < _REFUSALS)
            self.answers.clear()
            return told

    def _read(self, keeps: bool) -> None:  # noqa: FBT001 - of its thread
        session = _session()
        turn = 0
        while not self._over.is_set():
            path = self._paths[turn % len(self._paths)]
            turn += 1
            if not keeps:
                session.close()
                session = _session()
            self._ask(session, path)
            time.sleep(self._rest)
        with suppress(Exception):
            session.close()

    def _ask(self, session: requests.Session, path: str) -> None:
        try:
            answer = session.get(self._url + path, timeout=_PATIENCE)
        except requests.RequestException as error:
            reason = getattr(error.args[0], "reason", None) if error.args else None
            with self._lock:
                if isinstance(reason, NewConnectionError):
                    self.refused += 1
                else:
                    self.cut.append(f"{path}: {error!r}")
        except Exception as error:  # noqa: BLE001 - told to whoever looks
            with self._lock:
                self.cut.append(f"{path}: {error!r}")
        else:
            with self._lock:
                self.answers[path, answer.status_code] += 1


def _session() -> requests.Session:
    """Return one that looks at nothing of the environment, which tests change meanwhile."""
    session = requests.Session()
    session.trust_env = False
    return session
