"""A client is who it is, not who it says it is."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.front.addresses import Addresses, bucket

TRUSTED = Addresses(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("expected", "peer", "forwarded"),
    [
        ("192.0.2.1", "192.0.2.1", None),
        ("192.0.2.1", "192.0.2.1", "198.51.100.1"),
        ("10.1.1.1", "10.1.1.1", None),
        ("198.51.100.1", "10.1.1.1", "198.51.100.1"),
        ("198.51.100.1", "10.1.1.1", "203.0.113.9, 198.51.100.1"),
        ("198.51.100.1", "10.1.1.1", "203.0.113.9,198.51.100.1 , 10.2.2.2"),
        ("198.51.100.1", "10.1.1.1", "198.51.100.1:4711"),
        ("2001:db8::1", "fd00::1", "[2001:db8::1]:443"),
        ("198.51.100.1", "::ffff:10.1.1.1", "198.51.100.1"),
        ("10.2.2.2", "10.1.1.1", "unknown, 10.2.2.2"),
        ("10.1.1.1", "10.1.1.1", "_hidden"),
        ("10.1.1.1", "10.1.1.1", ""),
        ("", "", "198.51.100.1"),
    ],
)
def test_the_last_address_that_is_not_a_proxys_is_the_clients(
    expected: str, peer: str, forwarded: str | None
) -> None:
    """Only proxies that are trusted are believed, from the nearest on."""
    assert expected == TRUSTED.client(peer, forwarded)


def test_what_clients_write_is_not_kept() -> None:
    """As many headers as there are clients, each as long as a header may be, leave no megabytes."""
    tracemalloc.start()
    try:
        for number in range(300):
            TRUSTED.client("10.1.1.1", f"198.51.100.{number % 256}:{number}" + "x" * 16_000)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 1_000_000


def test_nobody_is_believed_unless_told() -> None:
    """Without trusted proxies the header means nothing."""
    assert "10.1.1.1" == Addresses([]).client("10.1.1.1", "198.51.100.1")


@pytest.mark.parametrize(
    ("expected", "address"),
    [
        ("address:192.0.2.1", "192.0.2.1"),
        ("address:192.0.2.1", "::ffff:192.0.2.1"),
        ("address:2001:db8:1:2::", "2001:db8:1:2:3:4:5:6"),
        ("address:unknown", ""),
        ("address:unknown", "unix:/run/socket"),
    ],
)
def test_a_network_of_addresses_is_one_client(expected: str, address: str) -> None:
    """A /64 belongs to one; what is no address is one client too."""
    assert expected == bucket(address)


@given(st.text(max_size=100), st.text(max_size=100))
def test_no_header_breaks_it(peer: str, forwarded: str) -> None:
    """Whatever is sent, there is a client and it is counted."""
    assert bucket(TRUSTED.client(peer, forwarded)).startswith("address:")
    assert bucket(TRUSTED.client("10.0.0.1", forwarded)).startswith("address:")
