"""A client that follows jobs by WebSocket, and goes on where it was whenever it is cut off."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

_PAUSE = 0.05
_CONNECT_SECONDS = 60.0


class Follower:
    """What it is told of some jobs.

    Args:
        url: Of the WebSockets.
        ids: Of the jobs; those that are not there yet are told of when they are.

    Attributes:
        frames: By job, what it was told: as it was sent, the first one first.
        cuts: How often it was cut off.
        wrong: What nobody should be told.
    """

    def __init__(self, url: str, ids: Iterable[str]) -> None:
        self.frames: dict[str, list[str]] = {id_: [] for id_ in ids}
        self.cuts = 0
        self.wrong: Counter[str] = Counter()
        self._url = url
        self._epochs: dict[str, str] = {}
        self._upto: dict[str, int] | None = None
        self._given_up = False

    def until(self, heads: dict[str, int]) -> None:
        """Have it end with these frames of the jobs."""
        self._upto = heads

    def give_up(self) -> None:
        """Have it end now, whatever it has been told."""
        self._given_up = True

    async def follow(self) -> None:
        """Follow until there is nothing left to be told."""
        while not self._over():
            try:
                await self._connected()
            except (OSError, EOFError, WebSocketException):
                self.cuts += 1
                await asyncio.sleep(_PAUSE)
            except Exception as error:  # noqa: BLE001 - told to whoever looks
                self.wrong[repr(error)] += 1

    async def _connected(self) -> None:
        async with connect(
            self._url, compression=None, proxy=None, open_timeout=_CONNECT_SECONDS
        ) as client:
            for id_, told in self.frames.items():
                await self._subscribe(client, id_, len(told))
            while not self._over():
                try:
                    async with asyncio.timeout(_PAUSE):
                        message = await client.recv()
                except TimeoutError:
                    continue
                self._take(str(message))

    async def _subscribe(self, client: ClientConnection, id_: str, since: int) -> None:
        wish: dict[str, Any] = {"type": "subscribe:job", "subscriptionId": id_, "since": since}
        if id_ in self._epochs:
            wish["epoch"] = self._epochs[id_]
        await client.send(json.dumps(wish))

    def _take(self, message: str) -> None:
        said = json.loads(message)
        if said["type"] == "subscribed":
            self._begun(said["data"])
        elif said["type"].startswith("JOB_"):
            told = self.frames[said["subscriptionId"]]
            if said["seq"] != len(told) + 1:
                self.wrong[f"{said['seq']} came after {len(told)}"] += 1
            told.append(message)

    def _begun(self, data: dict[str, Any]) -> None:
        id_ = data["subscription"].removeprefix("job:")
        epoch = str(data.get("epoch", ""))
        if not epoch and not self.frames[id_]:
            return
        if epoch != self._epochs.setdefault(id_, epoch) or not data["recovered"]:
            self.wrong[f"{id_} does not go on after {len(self.frames[id_])}: {data}"] += 1

    def _over(self) -> bool:
        if self.wrong or self._given_up:
            return True
        return self._upto is not None and all(
            len(self.frames[id_]) >= head for id_, head in self._upto.items()
        )
