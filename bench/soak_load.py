"""Subscribers of many jobs, in a process of their own: prints what of their stories they were told.

    soak_load.py HOST:PORT PATH --subscribers=N --seconds=S --jobs=ID,ID,… [--again]

Each follows one job from its beginning. A line on stdin, by job the number of its last frame, ends
it: whoever has not got so far *seconds* later is behind. With `--again` whoever is cut off comes
back, and goes on where it was.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

from stream_load import Load, Subscriber, options

_PAUSE = 0.1


class Place:
    """How far one subscriber is in a job's story, whatever connection it has."""

    def __init__(self, job: str) -> None:
        self.job = job
        self.seq = 0
        self.epoch: str | None = None

    def wish(self) -> str:
        """Return what asks for the rest."""
        said = {"type": "subscribe:job", "subscriptionId": self.job, "since": self.seq}
        return json.dumps(said | ({"epoch": self.epoch} if self.epoch else {}))


class Listener(Subscriber):
    """One connection of one subscriber."""

    def __init__(self, load: "Audience", place: Place) -> None:
        super().__init__(load)
        self._audience = load
        self.place = place

    def told(self, payload: bytes) -> None:
        """Take in a message."""
        self._audience.heard(self.place, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        """Come back, if that is the way."""
        super().connection_lost(exc)
        self._audience.cut(self)


class Audience(Load):
    """All who follow the jobs."""

    def __init__(self, told: Any) -> None:
        super().__init__(told)
        self.wrong: Counter[str] = Counter()
        self.frames = 0
        self.places: list[Place] = []
        self._jobs = told.jobs.split(",")
        self._bytes: dict[tuple[str, int], int] = {}
        self._coming: set[asyncio.Task[None]] = set()

    def subscriber(self) -> Subscriber:
        """Return one who follows the next job."""
        place = Place(self._jobs[len(self.places) % len(self._jobs)])
        self.places.append(place)
        return Listener(self, place)

    def opened(self, subscriber: Subscriber, head: bytes) -> None:
        """Have one subscribe."""
        assert isinstance(subscriber, Listener)  # noqa: S101 - ours alone
        subscriber.say(subscriber.place.wish())
        super().opened(subscriber, head)

    def heard(self, place: Place, payload: bytes) -> None:
        """Take in what one was told."""
        said = json.loads(payload)
        if said["type"] == "subscribed":
            data = said["data"]
            if place.seq and not data["recovered"]:
                self.wrong["not recovered"] += 1
            place.epoch = data.get("epoch") or place.epoch
        elif said["type"].startswith("JOB_"):
            self._frame(place, said["seq"], payload)
        elif said["type"] != "connected":
            self.wrong[said["type"]] += 1

    def _frame(self, place: Place, seq: int, payload: bytes) -> None:
        self.frames += 1
        if seq <= place.seq:
            self.wrong["told again"] += 1
        elif seq > place.seq + 1:
            self.wrong["missing"] += seq - place.seq - 1
        place.seq = max(place.seq, seq)
        if self._bytes.setdefault((place.job, seq), hash(payload)) != hash(payload):
            self.wrong["other bytes"] += 1

    def cut(self, listener: Listener) -> None:
        """Take down that one was cut off."""
        if self.ended:
            return
        if self.options.again:
            self.there = [each for each in self.there if each is not listener]
            task = asyncio.get_running_loop().create_task(self._come_back(listener.place))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)

    async def _come_back(self, place: Place) -> None:
        host, _, port = self.options.address.rpartition(":")
        loop = asyncio.get_running_loop()
        while not self.ended:
            await asyncio.sleep(_PAUSE)
            try:
                await loop.create_connection(lambda: Listener(self, place), host, int(port))
            except OSError:
                continue
            return

    async def listen(self) -> None:
        """Stay until all have what there is."""
        line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        heads: dict[str, int] = json.loads(line)
        until = time.perf_counter() + self.options.seconds
        while time.perf_counter() < until and self._behind(heads):  # noqa: ASYNC110 - until a moment
            await asyncio.sleep(_PAUSE)
        if behind := self._behind(heads):
            self.wrong["behind"] += behind

    def _behind(self, heads: dict[str, int]) -> int:
        return sum(place.seq < heads[place.job] for place in self.places)


def main() -> None:
    """Listen and print."""
    parser = options()
    parser.add_argument("--jobs", required=True)
    parser.add_argument("--again", action="store_true")
    audience = Audience(parser.parse_args())
    asyncio.run(audience.run())
    told = {name: getattr(audience, name) for name in ("answers", "frames", "wrong", "cuts")}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
