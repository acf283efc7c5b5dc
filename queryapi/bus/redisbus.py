"""The bus over Redis. With `shared.redis`, this is what knows the redis package.

It is no store: words pass by and nothing is kept, and it has connections of its own kinds.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from queryapi.bus.bus import Changes
from queryapi.bus.hearing import SteadyEar
from queryapi.bus.speaking import SpokenBus
from queryapi.bus.words import packed, unpacked

_CHANNEL = "gpuscope:jobs"
_WAIT_SECONDS = 0.25
_WORD_BYTES = 32 * 1024
# Whoever hears nothing for so long asks whether anybody is there.
_SILENCE_SECONDS = 10.0
_ANSWER_SECONDS = 2.0
_OPTIONS: Mapping[str, Any] = {"protocol": 2, "decode_responses": False}


def bus(url: str) -> SpokenBus:
    """Return a bus that publishes."""
    return SpokenBus(_Publisher(url))


def ear(url: str) -> SteadyEar:
    """Return an ear that subscribes."""
    return SteadyEar(lambda: _said(url), "Redis")


class _Publisher:
    """Publishes."""

    def __init__(self, url: str) -> None:
        self._client = Redis.from_url(
            url,
            socket_connect_timeout=_WAIT_SECONDS,
            socket_timeout=_WAIT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            **_OPTIONS,
        )

    def carry(self, changes: Changes) -> None:
        """Publish; see Carrier."""
        for word in packed(changes, _WORD_BYTES):
            self._client.publish(_CHANNEL, word)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


async def _said(url: str) -> AsyncIterator[Changes]:
    client = AsyncRedis.from_url(
        url,
        socket_connect_timeout=_ANSWER_SECONDS,
        socket_timeout=_ANSWER_SECONDS,
        retry=AsyncRetry(NoBackoff(), 0),
        **_OPTIONS,
    )
    async with client, client.pubsub() as following:
        await following.subscribe(_CHANNEL)
        asked = False
        while True:
            # The first thing that is said is that we are subscribed.
            patience = _ANSWER_SECONDS if asked else _SILENCE_SECONDS
            heard = await following.get_message(timeout=patience)
            if heard is not None:
                asked = False
                yield unpacked(heard["data"]) if heard["type"] == "message" else {}
            elif asked:
                raise ConnectionError
            else:
                asked = True
                await following.ping()
