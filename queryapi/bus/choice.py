"""Which bus the settings ask for: what all processes share, else the sockets that they inherit."""

import socket
from collections.abc import Callable
from functools import partial

from queryapi.bus.bus import Bus, Ear, Silence
from queryapi.bus.pair import PairBus, PairEar
from queryapi.settings import Settings, sqlite_file


def needs_pair(settings: Settings) -> bool:
    """Tell whether the processes of one service are all that there are, and one hears."""
    return settings.stream_listen is not None and not _server(settings)


def bus_of(settings: Settings, speaking: socket.socket | None = None) -> Bus:
    """Return where changes are announced; nothing is connected yet.

    Args:
        settings: Checked settings.
        speaking: An end of a pair; None = there is none.
    """
    made = _over_server(settings)
    if made is not None:
        return made[0]()
    return Silence() if speaking is None else PairBus(speaking)


def ear_of(settings: Settings, hearing: socket.socket | None = None) -> Ear | None:
    """Return where changes are heard; None = nowhere, and nothing is connected yet.

    Args:
        settings: Checked settings.
        hearing: The other end of a pair; None = there is none.
    """
    made = _over_server(settings)
    if made is not None:
        return made[1]()
    return None if hearing is None else PairEar(hearing)


def _over_server(settings: Settings) -> tuple[Callable[[], Bus], Callable[[], Ear]] | None:
    """Return what makes both ends of the bus over a server; None = there is none."""
    if not _server(settings):
        return None
    # Clients of servers take megabytes: only for those who use them.
    if settings.redis_url is not None:
        from queryapi.bus import redisbus  # noqa: PLC0415

        url = settings.redis_url
        return partial(redisbus.bus, url), partial(redisbus.ear, url)
    from queryapi.bus import postgresqlbus  # noqa: PLC0415

    way = settings.database_url or "", settings.database_password_file
    return partial(postgresqlbus.bus, *way), partial(postgresqlbus.ear, *way)


def _server(settings: Settings) -> bool:
    """Tell whether others may serve from the same Redis or PostgreSQL."""
    url = settings.database_url
    return settings.redis_url is not None or (url is not None and sqlite_file(url) is None)
