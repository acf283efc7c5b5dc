"""No name leads to an address at which the machine hands out what is its own."""

import socket
import threading
import time
from collections.abc import Sequence

import pytest

from queryapi.outbound.reaching import may_be_reached
from queryapi.outbound.transport import ExchangeFailed, HttpTransport, Reply, Request
from tests.support.raw_server import RawServer, http, saying

_NEVER = (
    "169.254.169.254", "169.254.170.2", "fe80::1%1", "fd00:ec2::254", "100.100.100.200",
    "0.0.0.1", "0.1.2.3", "::", "::ffff:0.0.0.0", "224.0.0.1", "255.255.255.255", "ff02::1",
    "::ffff:169.254.169.254", "::169.254.169.254",
    "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
)  # fmt: skip
_FINE = (
    "127.0.0.1", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1",
    "1.1.1.1", "2606:4700::1111", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
)  # fmt: skip


@pytest.mark.parametrize("address", _NEVER)
def test_what_no_server_of_ones_own_has_is_not_reached(address: str) -> None:
    """Link-local, metadata, multicast, no address at all, whatever IPv6 they are dressed in."""
    assert not may_be_reached(address)


@pytest.mark.parametrize("address", _FINE)
def test_ones_own_servers_are_reached(address: str) -> None:
    """Loopback and private networks are where Prometheus lives."""
    assert may_be_reached(address)


def _asked(url: str) -> Reply:
    transport = HttpTransport(connect=5.0)
    try:
        return transport.exchange(Request("GET", url, {}), time.monotonic() + 30)
    finally:
        transport.close()


@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "[fe80::1]", "[::]"),
        *("2852039166", "0xA9FEA9FE", "0251.0376.0251.0376", "169.254.43518", "0", "0x0.0"),
    ],
)
def test_an_address_is_judged_however_it_is_written(
    host: str, connected: list[tuple[object, ...]]
) -> None:
    """In decimal, octal, hexadecimal or short: no connection is even tried."""
    with pytest.raises(ExchangeFailed, match="link-local") as failure:
        _asked(f"http://{host}:9/latest/meta-data/")

    assert "forbidden" == failure.value.obstacle
    assert [] == connected


@pytest.fixture(name="connected")
def _connected(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    ours = threading.current_thread()

    class Noting(socket.socket):
        def connect(self, address: tuple[object, ...]) -> None:  # type: ignore[override]
            if threading.current_thread() is ours:
                found.append(address)
            super().connect(address)

    monkeypatch.setattr(socket, "socket", Noting)
    return found


def _resolving(monkeypatch: pytest.MonkeyPatch, *answers: Sequence[str]) -> list[str]:
    """Have names resolve to each of *answers* in turn, and the last one for ever."""
    real, asked = socket.getaddrinfo, list[str]()

    def resolve(host: str, port: int, *args: object, **options: object) -> object:
        if host != "prometheus.example":
            return real(host, port, *args, **options)  # type: ignore[arg-type]
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [found for each in addresses for found in real(each, port, 0, socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_a_name_is_judged_by_its_address(
    monkeypatch: pytest.MonkeyPatch, connected: list[tuple[object, ...]]
) -> None:
    """Whoever writes a name's DNS does not have the machine's own credentials fetched."""
    _resolving(monkeypatch, ["169.254.169.254", "fd00:ec2::254"])

    with pytest.raises(ExchangeFailed, match="link-local"):
        _asked("http://prometheus.example:9/")
    assert [] == connected


def test_an_answer_that_changes_is_of_no_use(
    monkeypatch: pytest.MonkeyPatch, connected: list[tuple[object, ...]]
) -> None:
    """The address that was judged is the one that is connected to, and it is asked for once."""
    with RawServer(saying(http(b"{}"))) as server:
        asked = _resolving(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
        url = f"http://prometheus.example:{server.port}/"

        assert 200 == _asked(url).status
        assert ["prometheus.example"] == asked
        with pytest.raises(ExchangeFailed, match="link-local"):
            _asked(url)
    assert {"127.0.0.1"} == {address[0] for address in connected}


def test_other_addresses_of_a_name_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that has a link-local address besides its own is reached at its own."""
    with RawServer(saying(http(b"{}"))) as server:
        _resolving(monkeypatch, ["fe80::1", "127.0.0.1"])

        assert 200 == _asked(f"http://prometheus.example:{server.port}/").status


def test_the_server_is_told_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is connected to is an address; what is asked for stays the name."""
    with RawServer(lambda it: it.sendall(http(it.recv(65536)))) as server:
        _resolving(monkeypatch, ["127.0.0.1"])

        said = _asked(f"http://prometheus.example:{server.port}/").body
        assert f"Host: prometheus.example:{server.port}".encode() in said


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "nowhere.invalid"])
def test_a_name_without_address_is_unresolved(host: str) -> None:
    """One that is no name included."""
    with pytest.raises(ExchangeFailed) as failure:
        _asked(f"http://{host}:9/")
    assert "unresolved" == failure.value.obstacle
