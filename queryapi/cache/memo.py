"""Answers ready to be sent, bounded over the whole process, each made once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future

from queryapi.cache.prepared import Prepared

MAX_BYTES = 32 * 1024 * 1024
_MAX_COUNT = 1024


class Answers:
    """The answers of all windows; what was not asked for longest is forgotten first.

    Args:
        max_bytes: How many bytes they hold together.
        max_count: How many they are.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, max_count: int = _MAX_COUNT) -> None:
        self._max_bytes = max_bytes
        self._max_count = max_count
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, Hashable], Prepared] = OrderedDict()
        self._making: dict[tuple[int, Hashable], Future[Prepared]] = {}
        self._bytes = 0
        self._shelves = 0

    @property
    def held_bytes(self) -> int:
        """Bytes that are held."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    def shelf(self, before: "Shelf | None" = None) -> "Shelf":
        """Return a place for the answers of one window, which comes after that of *before*."""
        with self._lock:
            self._shelves += 1
            return Shelf(self, self._shelves, before)

    def find(self, key: tuple[int, Hashable]) -> Prepared | None:
        """Return what is kept under *key*."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def get(self, key: tuple[int, Hashable], build: Callable[[], Prepared]) -> Prepared:
        """Return what is kept under *key*, made by one of the threads that ask for it."""
        found = self.find(key)
        if found is not None:
            return found
        mine: Future[Prepared] = Future()
        with self._lock:
            # Looked for once more: who was making it may have ended just now.
            found = self._kept.get(key)
            making = mine if found else self._making.setdefault(key, mine)
        if found is not None:
            return found
        return self._make(key, mine, build) if making is mine else making.result()

    def forget(self, key: tuple[int, Hashable]) -> None:
        """Forget what is kept under *key*."""
        with self._lock:
            found = self._kept.pop(key, None)
            self._bytes -= found.size if found else 0

    def drop(self, shelf: int) -> None:
        """Forget the answers of a window that is over."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == shelf]:
                self._bytes -= self._kept.pop(key).size

    def _make(
        self, key: tuple[int, Hashable], mine: Future[Prepared], build: Callable[[], Prepared]
    ) -> Prepared:
        try:
            made = build()
        except BaseException as error:
            with self._lock:
                del self._making[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._keep(key, made)
        mine.set_result(made)
        return made

    def _keep(self, key: tuple[int, Hashable], made: Prepared) -> None:
        if made.size > self._max_bytes:
            return
        replaced = self._kept.pop(key, None)
        self._bytes += made.size - (replaced.size if replaced else 0)
        self._kept[key] = made
        while self._bytes > self._max_bytes or len(self._kept) > self._max_count:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.size


class Shelf:
    """The answers of one window, by question."""

    def __init__(self, answers: Answers, number: int, before: "Shelf | None") -> None:
        self._answers = answers
        self._number = number
        self._before = before
        self._closed = threading.Event()

    def find(self, question: Hashable) -> Prepared | None:
        """Return the answer to *question* if it is there."""
        return self._answers.find((self._number, question))

    def get(self, question: Hashable, build: Callable[[], Prepared]) -> Prepared:
        """Return the answer to *question*, built when it is not there."""
        if self._closed.is_set():
            return build()
        answer = self._answers.get((self._number, question), build)
        if self._closed.is_set():
            # While it was made the window ended, and its answers with it.
            self._answers.forget((self._number, question))
        if self._before is not None:
            # A newer answer to the same question: nobody will be given the older one again.
            self._before.forget(question)
        return answer

    def forget(self, question: Hashable) -> None:
        """Forget the answer to *question*, of this window and of those before it."""
        self._answers.forget((self._number, question))
        if self._before is not None:
            self._before.forget(question)

    def close(self) -> None:
        """Forget the answers: the window is over."""
        self._closed.set()
        self._before = None
        self._answers.drop(self._number)
