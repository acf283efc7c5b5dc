"""Who may open a WebSocket, judged before there is one."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from queryapi.access.principal import NOBODY, Principal
from queryapi.api.dialects import Problem
from queryapi.errors import RateLimited
from queryapi.front.addresses import Addresses
from queryapi.front.admission import Turnstile, client_of
from queryapi.front.cors import Cors
from queryapi.gateway.channels import Channel
from queryapi.gateway.judge import Judge
from queryapi.gateway.knock import Knock, credential_of, is_own_page
from queryapi.gateway.pages import Refused
from queryapi.gateway.places import Places
from queryapi.gateway.session import Caller

_NOT_A_PAGE = Problem(
    HTTPStatus.UPGRADE_REQUIRED,
    "This is a WebSocket: connect to it with ws:// or wss://",
    headers=(("Upgrade", "websocket"),),
)
_OTHER_PAGE = Problem(
    HTTPStatus.FORBIDDEN, "Pages of this origin may not connect; cors_origins says which may"
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A client that may connect; its place is taken.

    Args:
        caller: Who it is.
        channel: What it has asked for.
        wanted: As the channel has it.
        client: The name under which its place is counted.
    """

    caller: Caller
    channel: Channel
    wanted: Any
    client: str


class Door:
    """Lets clients in.

    Args:
        channels: What is offered, by path.
        judge: Tells who they are.
        turnstile: Tells how often one may come.
        places: Tells how many may stay.
        cors: Tells which pages of other origins may connect.
        addresses: Tells clients' addresses.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        *,
        judge: Judge,
        turnstile: Turnstile,
        places: Places,
        cors: Cors,
        addresses: Addresses,
    ) -> None:
        self._channels = channels
        self._judge = judge
        self._turnstile = turnstile
        self._places = places
        self._cors = cors
        self._addresses = addresses

    async def admit(self, knock: Knock) -> Admitted:
        """Return who comes in, with a place.

        Raises:
            QueryApiError: When they may not: Refused, and what the guard says.
        """
        channel = self._channels.get(knock.path)
        if channel is None:
            raise Refused(Problem(HTTPStatus.NOT_FOUND, "Not found"))
        if not knock.upgrade:
            raise Refused(_NOT_A_PAGE)
        self._places.look()
        if knock.origin is not None and not self._welcomes(knock.origin, knock.host):
            raise Refused(_OTHER_PAGE)
        authorization, address = credential_of(knock), self.address_of(knock)
        principal = await self._judge.admit(authorization, channel.api, address=address)
        client = client_of(principal, address)
        self._count(client, knock.path)
        wanted = channel.wanted(knock.query)
        self._places.take(client, wanted)
        caller = Caller(principal, authorization, channel.api, address)
        return Admitted(caller, channel, wanted, client)

    def address_of(self, knock: Knock) -> str:
        """Return the client's address."""
        return self._addresses.client(knock.peer, knock.forwarded_for)

    def _welcomes(self, origin: str, host: str | None) -> bool:
        return is_own_page(origin, host) or self._cors.welcomes(origin)

    def _count(self, client: str, path: str) -> None:
        allowance = self._turnstile.take(client, f"GET {path}")
        if allowance is not None and not allowance.allowed:
            raise RateLimited("Too many requests", retry_after=allowance.retry_after)


def name_of(admitted: Admitted | None) -> str:
    """Return what a caller is called in the log."""
    principal: Principal = NOBODY if admitted is None else admitted.caller.principal
    return principal.name
