"""One look at the services: by this process, or by the one that has looked already."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from queryapi.cache.elsewhere import Elsewhere
from queryapi.cache.grid import Grid
from queryapi.outbound.decoding import BROKEN
from queryapi.services.vitals.model import Round
from queryapi.settings import Settings

# Part of every key: a process of another version must not take our values for its own.
_FORMAT = 1
_SKEW_SECONDS = 1.0
# From the end of another process's look until what it found is here, on a busy machine.
_HANDING_SECONDS = 0.2


class Examiner(Protocol):
    """Looks at every service at once."""

    def examine(self) -> Round:
        """Return what is found; within its deadline, and never raises."""
        ...


class Look(msgspec.Struct, frozen=True):
    """What was found, and since when it may be so.

    Args:
        began: When the look began, in Unix time.
        found: What it found.
    """

    began: float
    found: Round


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Look)


@dataclass(frozen=True, slots=True)
class Common:
    """What processes share of their looks.

    Args:
        elsewhere: Where.
        grid: One look is shared per cell.
        scope: Processes that look at something else have other looks.
        keep: Seconds for which others may have a look.
        patience: Seconds that another process's look may take: one that ends by its deadline is
            waited for.
    """

    elsewhere: Elsewhere
    grid: Grid
    scope: str
    keep: float
    patience: float


class Looks:
    """Looks at the services.

    Args:
        examiner: How.
        clock: Unix seconds.
        common: What other processes share; None = there are none.
    """

    def __init__(
        self, examiner: Examiner, clock: Callable[[], float], common: Common | None = None
    ) -> None:
        self._examiner = examiner
        self._clock = clock
        self._common = common

    def look(self, since: float) -> Look:
        """Return a look that began at Unix time *since* or later, another process's if it can be.

        Who wants a newer one than all processes share looks alone: what is shared stays one look.
        """
        shared = None if self._common is None else self._shared(self._common)
        if shared is None or not since <= shared.began <= self._clock() + _SKEW_SECONDS:
            return self._examine()
        # By another machine's clock, which may be a little ahead of ours.
        return Look(min(shared.began, self._clock()), shared.found)

    def _shared(self, common: Common) -> Look | None:
        made: list[Look] = []

        def load() -> bytes:
            made.append(self._examine())
            return _ENCODER.encode(made[0])

        key = f"vitals:{_FORMAT}:{common.scope}:{round(common.grid.start(self._clock()) * 1000)}"
        patience = common.patience + _HANDING_SECONDS
        found = common.elsewhere.fetch(key, load, keep=common.keep, patience=patience)
        if made:
            return made[0]
        try:
            return _DECODER.decode(found)
        except BROKEN:
            return None

    def _examine(self) -> Look:
        began = self._clock()
        return Look(began, self._examiner.examine())


def scope_of(settings: Settings) -> str:
    """Return what tells apart processes that look at different services, or in another way."""
    looked_at = (settings.services, settings.real_time_metrics, settings.default_cluster)
    return hashlib.blake2b(msgspec.json.encode(looked_at), digest_size=8).hexdigest()
