"""Kubernetes quantities: what the API server may write, and what is refused."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.cluster.objects import quantity
from exporter.errors import MalformedObject

POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}

whole = st.integers(min_value=-(10**6), max_value=10**6)


@given(whole, st.sampled_from(sorted(POWERS)))
@example(15, "n")
def test_decimal_suffixes_are_powers_of_ten(number: int, suffix: str) -> None:
    """A number with a decimal suffix is that number times its power of ten, rounded once."""
    exact = Decimal(number).scaleb(POWERS[suffix])

    assert float(exact) == quantity.parse(f"{number}{suffix}")


@given(whole, st.sampled_from(sorted(BINARY)))
def test_binary_suffixes_are_powers_of_two(number: int, suffix: str) -> None:
    """A number with a binary suffix is exactly that number times its power of two."""
    assert number * 2 ** BINARY[suffix] == quantity.parse(f"{number}{suffix}")


@given(whole, st.integers(min_value=-9, max_value=18), st.sampled_from("eE"))
def test_exponents(number: int, power: int, letter: str) -> None:
    """An exponent is a power of ten, in either case, even where E alone means exa."""
    exact = Decimal(number).scaleb(power)

    assert float(exact) == quantity.parse(f"{number}{letter}{power}")


@given(st.integers(min_value=0, max_value=10**6), st.sampled_from([("n", 9), ("u", 6), ("m", 3)]))
@example(15, ("n", 9))
def test_whole_devices_stay_whole(count: int, unit: tuple[str, int]) -> None:
    """However small the unit that a whole count is written in, it is a whole count."""
    suffix, zeros = unit

    assert count == quantity.devices(f"{count}{'0' * zeros}{suffix}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8", 8),
        (7, 7),
        (8.0, 8),
        ("1k", 1000),
        ("8000m", 8),
        ("1e3", 1000),
        ("+2.", 2),
        (".5k", 500),
    ],
)
def test_the_forms_of_a_count(text: str | float, expected: float) -> None:
    """Go writes 1000 as 1k, and JSON may hold a number: all forms of a count are understood."""
    assert expected == quantity.devices(text)


@pytest.mark.parametrize(
    "text",
    ["", "k", ".", "eight", "8 ", "1_0", "0x8", "1e", "1kk", "1ki", "1e3k", "1E2Ki", "nan", "inf",
     "1e999", "٣", "8\n"],
)  # fmt: skip
def test_garbage_is_refused(text: str) -> None:
    """What is no quantity is malformed; it never becomes a number by accident."""
    with pytest.raises(MalformedObject, match="is not a quantity"):
        quantity.parse(text)


@given(st.text())
def test_no_text_is_a_surprise(text: str) -> None:
    """Any text is either a finite number or malformed."""
    try:
        value = quantity.parse(text)
    except MalformedObject:
        return

    assert abs(value) < float("inf")


def test_half_a_device_is_refused() -> None:
    """An extended resource is whole, so a fraction is malformed rather than rounded."""
    with pytest.raises(MalformedObject, match="'500m' is not a whole number of devices"):
        quantity.devices("500m")


def test_less_than_nothing_is_nothing() -> None:
    """A negative count is taken as none."""
    assert 0 == quantity.devices("-1")
