"""A request to be let in: what it says of who sends it, and from which page."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from queryapi.errors import InvalidParameter

SUBPROTOCOL = "gpuscope"
"""What browsers offer beside their token, and the only subprotocol that is ever answered."""

_BEARER = "bearer."
_PORTS = {"http": 80, "https": 443}
# Other parameters are nobody's habit.
_TOKENS_IN_QUERY = frozenset({"token", "access_token", "bearer", "auth", "authorization", "jwt"})


@dataclass(frozen=True, slots=True)
class Knock:
    """The head of a request.

    Args:
        method: HTTP method.
        path: Without the query, one trailing slash forgiven.
        query: What follows the question mark.
        peer: The other end of the connection.
        upgrade: Whether a WebSocket is asked for.
        host: The header of that name.
        origin: The page that asks; None = no browser does.
        authorization: The header of that name.
        offered: Subprotocols, in the client's order.
        forwarded_for: The header X-Forwarded-For.
        accept: The header of that name.
    """

    method: str
    path: str
    query: str = ""
    peer: str = ""
    upgrade: bool = True
    host: str | None = None
    origin: str | None = None
    authorization: str | None = None
    offered: Sequence[str] = ()
    forwarded_for: str | None = None
    accept: str = ""


def credential_of(knock: Knock) -> str | None:
    """Return the credential as an Authorization header; None = there is none.

    Raises:
        InvalidParameter: When it is where it does not belong, or there are two.
    """
    if _TOKENS_IN_QUERY & {name.lower() for name in parse_qs(knock.query, keep_blank_values=True)}:
        raise InvalidParameter(
            "Invalid parameter: a token in a URL ends up in logs: send it as Authorization: Bearer"
            f" TOKEN or, in a browser, as the subprotocols {SUBPROTOCOL} and {_BEARER}TOKEN"
        )
    tokens = [each.removeprefix(_BEARER) for each in knock.offered if each.startswith(_BEARER)]
    if not tokens:
        return knock.authorization
    if len(tokens) > 1 or knock.authorization is not None:
        raise InvalidParameter("Invalid header: send one token, once")
    if SUBPROTOCOL not in knock.offered:
        # A browser gives up when none of its subprotocols is answered, and a token never is.
        raise InvalidParameter(
            f"Invalid header: offer the subprotocol {SUBPROTOCOL} beside {_BEARER}TOKEN"
        )
    return f"Bearer {tokens[0]}"


def is_own_page(origin: str, host: str | None) -> bool:
    """Tell whether a page of *origin* was served by the *host* that it now asks.

    TLS may end in front of us: the scheme is not compared, but for the port it stands for.
    """
    try:
        page, asked = urlsplit(origin), urlsplit(f"//{host}")
        ports = page.port, asked.port
    except ValueError:
        return False
    usual = _PORTS.get(page.scheme)
    if usual is None or host is None or not page.hostname or page.hostname != asked.hostname:
        return False
    return (ports[0] or usual) == (ports[1] or usual)
