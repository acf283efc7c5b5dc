"""Where WebSockets are served, and where the gateway asks for what it sends."""

import pytest

from queryapi.errors import ConfigurationError
from queryapi.settings import Api, Auth, Settings
from queryapi.settings.checks import check
from queryapi.settings.listening import service_url
from tests.queryapi.settings.test_checks import refused


@pytest.mark.parametrize(
    ("expected", "address"),
    [
        ("stream_listen: 'x' is not host:port", "x"),
        ("stream_listen: write an IPv6 address in brackets", "::1:80"),
        ("stream_listen: '0.0.0.0:8081' can be reached from other machines", "0.0.0.0:8081"),
        ("stream_listen: needs a port that is not in listen", "127.0.0.1:8080"),
        ("stream_listen: needs a port that is not in listen", "[::1]:50062"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(expected: str, address: str) -> None:
    """As for HTTP, and with a port of its own."""
    assert expected in refused(Settings(stream_listen=address))


def test_others_may_connect_where_there_are_tokens() -> None:
    """With authentication any address may be listened on."""
    tokens = Auth(tokens_file=__file__)

    assert (
        "0.0.0.0:8081" == check(Settings(stream_listen="0.0.0.0:8081", auth=tokens)).stream_listen
    )


def test_there_need_not_be_websockets() -> None:
    """Without an address nothing is asked of the listeners."""
    nowhere = Settings(listen=("127.0.0.1:50062",), stream_listen=None)

    assert check(nowhere).stream_listen is None


@pytest.mark.parametrize(
    ("expected", "listen"),
    [
        ("http://127.0.0.1:8080", ("127.0.0.1:8080", "127.0.0.1:50062")),
        ("http://127.0.0.1:8080", ("127.0.0.1:50062", "0.0.0.0:8080")),
        ("http://[::1]:8080", ("[::]:8080",)),
        ("http://[::1]:8080", ("[::1]:8080",)),
        ("http://localhost:8080", ("localhost:8080",)),
        ("http://192.0.2.1:7000", ("192.0.2.1:7000",)),
    ],
)
def test_the_gateway_asks_a_listener_that_serves_it(expected: str, listen: tuple[str, ...]) -> None:
    """The first that serves real-time metrics; all addresses stand for this machine's own."""
    apis = {50062: (Api.MONITORING,), 7000: (Api.JOBS, Api.HEALTH)}

    assert expected == service_url(Settings(listen=listen, listen_apis=apis))


def test_a_listener_must_serve_what_is_streamed() -> None:
    """Otherwise the gateway would have nothing to tell."""
    with pytest.raises(ConfigurationError, match="no listener serves health"):
        check(Settings(listen=("127.0.0.1:50062",)))
