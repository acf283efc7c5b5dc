"""What is asked of who is no gpuscope."""

import socket

import pytest

from queryapi.commands.watching.way import Way
from queryapi.errors import ConfigurationError
from tests.support.raw_server import RawServer, http, read_request, saying


def way(url: str) -> Way:
    """Return the way to a job, with a token."""
    return Way(url, url, "j", lambda: "secret")


def test_who_speaks_no_http_is_said() -> None:
    """In a sentence, as whatever else is wrong."""
    with (
        RawServer(saying(b"SSH-2.0-OpenSSH_9.6\r\n")) as server,
        pytest.raises(ConfigurationError, match="SSH"),
    ):
        way(server.url).monitor()


def test_a_token_is_carried_nowhere_else() -> None:
    """Whoever answers with another place may not have it told there."""
    heard = list[bytes]()

    def manners(connection: socket.socket) -> None:
        heard.append(read_request(connection))
        connection.sendall(http(b"{}"))

    with RawServer(manners) as other:
        moved = http(b"", f"Location: {other.url}/", status="302 Found")
        with RawServer(saying(moved)) as server, pytest.raises(ConfigurationError, match="302"):
            way(server.url).monitor()

    assert [] == heard
