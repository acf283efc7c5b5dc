"""Workers that report on jobs, and repeat each report until they are told that it is stored.

All of them run in one event loop, in a thread of its own, so that 64 cost no more than a few.
"""

import asyncio
import json
import math
import random
import time
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import count
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

_OK, _UNAVAILABLE = 200, 503
_PAUSE = 0.05
# As a helper that forgets less than the service remembers of numbers.
_AHEAD = 32
_SHARED = 4
_EVERY = 3


class Background:
    """A coroutine that runs in a thread of its own."""

    def __init__(self, work: Coroutine[Any, Any, None]) -> None:
        self.failures: list[BaseException] = []
        self._work = work
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for its end; fails the test when it goes wrong, or takes longer."""
        self._thread.join(seconds)
        if self.failures:
            raise self.failures[0]
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._work)
        except BaseException as error:  # noqa: BLE001 - told to whoever joins
            self.failures.append(error)


@dataclass
class Told:
    """What is known of one job by its workers.

    Attributes:
        numbers: Where the next report's number comes from.
        waiting: Numbers of reports that nobody has acknowledged.
        lines: By worker, what it has logged, in its order.
        reports: How many were acknowledged.
        seqs: The numbers of frames with which they were; those told of a repetition are not here.
        cost: What was told last.
        first: When the first one was sent, and when it was acknowledged.
        last: The same of the last one.
    """

    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    waiting: set[int] = field(default_factory=set)
    lines: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    reports: int = 0
    seqs: list[int] = field(default_factory=list)
    cost: float = 0.0
    first: tuple[float, float] = (0.0, 0.0)
    last: tuple[float, float] = (0.0, 0.0)


@dataclass
class Ledger:
    """What all workers know.

    Attributes:
        acknowledged: Reports that were answered: they must be there, once.
        unanswered: Sent and cut off: nobody knows of them until they are repeated.
        duplicates: Repetitions of what was stored already, as the service says.
        refused: Answered that they are to come again: nothing of them is stored, or nobody knows.
        over: Whether there is nothing more to report: every job is ended.
        jobs: By id.
        wrong: Answers that nobody should get.
    """

    acknowledged: int = 0
    unanswered: int = 0
    duplicates: int = 0
    refused: int = 0
    over: bool = False
    jobs: dict[str, Told] = field(default_factory=lambda: defaultdict(Told))
    wrong: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} acknowledged, {self.unanswered} cut off,"
            f" {self.refused} refused, {self.duplicates} of those had been stored"
        )

    def reached(self, acknowledged: float) -> bool:
        """Tell whether so many were answered, or there is nothing to wait for."""
        return self.acknowledged >= acknowledged or self.over or bool(self.wrong)


def job_ids(workers: int, story: str = "") -> list[str]:
    """Return the jobs of so many workers: one each, and some that they share.

    Args:
        workers: How many.
        story: What their names begin with.
    """
    return [f"{story}own-{number}" for number in range(workers)] + [
        f"{story}shared-{number}" for number in range(_SHARED)
    ]


@dataclass(frozen=True)
class Manner:
    """How workers report.

    Args:
        most: So many reports, of all together; None = until the ledger is over.
        rest: Seconds between two of one worker.
        story: What the names of their jobs begin with.
        clients: Addresses for which a proxy would pass them on, one each; None = there is none.
    """

    most: int | None = None
    rest: float = 0.0
    story: str = ""
    clients: Iterator[str] | None = None


async def report(url: str, ledger: Ledger, workers: int, manner: Manner) -> None:
    """Report as *manner* says; then end every job."""
    all_ = [_Worker(url, ledger, number, manner) for number in range(workers)]
    await asyncio.gather(*(worker.reports() for worker in all_))
    ids = job_ids(workers, manner.story)
    await asyncio.gather(
        *(_Worker(url, ledger, number, manner).ends(id_) for number, id_ in enumerate(ids))
    )


class _Worker:
    """One worker with one connection, which is made anew when it breaks."""

    def __init__(self, url: str, ledger: Ledger, number: int, manner: Manner) -> None:
        address = urlsplit(url)
        self._host, self._port = str(address.hostname), address.port
        self._ledger = ledger
        self._number = number
        self._manner = manner
        self._name = f"worker-{number}"
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def reports(self) -> None:
        most = math.inf if self._manner.most is None else self._manner.most
        await asyncio.sleep(self._manner.rest * random.random())  # noqa: S311 - not all at once
        for turn in count():
            if self._ledger.reached(most):
                break
            own = turn % _EVERY
            name = f"own-{self._number}" if own else f"shared-{self._number % _SHARED}"
            id_ = self._manner.story + name
            told = self._ledger.jobs[id_]
            number = await self._numbered(told)
            texts = [f"{self._name} {turn}.{place}" for place in range(turn % 3)]
            told.lines[self._name] += texts
            body = {
                "progress": min(99.0, 0.01 * number),
                "currentOperation": f"step {number}",
                "logLines": [{"message": text} for text in texts],
            }
            await self._said(id_, told, number, body)
            await asyncio.sleep(self._manner.rest)
        self._hang_up()

    async def ends(self, id_: str) -> None:
        told = self._ledger.jobs[id_]
        await self._said(id_, told, await self._numbered(told), {"progress": 100})
        self._hang_up()

    async def _numbered(self, told: Told) -> int:
        number = next(told.numbers)
        told.waiting.add(number)
        # Which one ends is not known: there is nothing else to wait for.
        while (  # noqa: ASYNC110
            number - min(told.waiting) >= _AHEAD and not self._ledger.wrong
        ):
            await asyncio.sleep(_PAUSE)
        return number

    async def _said(self, id_: str, told: Told, number: int, body: dict[str, Any]) -> None:
        """Repeat a report until it is acknowledged."""
        # Those who share a job are one worker to the service.
        who = "sharing" if "shared-" in id_ else self._name
        text = json.dumps({**body, "workerId": who, "sequence": number}).encode()
        began, repeated = time.time(), False
        while (answer := await self._once(f"/api/jobs/{id_}/progress", text)) is None:
            repeated = True
            if self._ledger.wrong:
                return
        told.waiting.discard(number)
        if answer.get("duplicate"):
            self._ledger.duplicates += 1
            if not repeated:
                self._ledger.wrong[f"{id_} {number} was acknowledged as stored before"] += 1
        else:
            told.seqs.append(answer["seq"])
        told.cost = max(told.cost, answer.get("costSoFar", 0.0))
        told.reports += 1
        told.last = began, time.time()
        if told.reports == 1:
            told.first = told.last
        self._ledger.acknowledged += 1

    async def _once(self, path: str, body: bytes) -> dict[str, Any] | None:
        """Return what was answered; None when it is to be sent again."""
        if not await self._connected():
            return None
        try:
            status, head, answer = await self._exchanged(path, body)
        except (OSError, asyncio.IncompleteReadError):
            self._ledger.unanswered += 1
            self._hang_up()
            return None
        except Exception as error:  # noqa: BLE001 - told to whoever looks
            self._ledger.wrong[f"{path} was answered with {error!r}"] += 1
            self._hang_up()
            return None
        if status == _OK:
            found: dict[str, Any] = json.loads(answer)
            return found
        self._ledger.refused += 1
        if status != _UNAVAILABLE or not _says_when_to_come_again(head, answer):
            self._ledger.wrong[f"{path} was answered {head} {answer.decode()}"] += 1
        await asyncio.sleep(_PAUSE)
        return None

    async def _connected(self) -> bool:
        if self._open is None:
            try:
                self._open = await asyncio.open_connection(self._host, self._port)
            except OSError:
                await asyncio.sleep(_PAUSE)
        return self._open is not None

    async def _exchanged(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        assert self._open is not None
        reader, writer = self._open
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        if self._manner.clients is not None:
            head += f"X-Forwarded-For: {next(self._manner.clients)}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        said = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = int(said.split(" ")[1])
        answer = await reader.readexactly(int(said.partition("content-length: ")[2].split()[0]))
        if "connection: close" in said:
            self._hang_up()
        return status, said, answer

    def _hang_up(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def _says_when_to_come_again(head: str, answer: bytes) -> bool:
    """Tell whether a refusal is one of the jobs' API, with a time."""
    return (
        "\r\nretry-after: " in head
        and {"success", "error"} == (body := json.loads(answer)).keys()
        and body["success"] is False
    )
