"""Prices by which jobs would cost nothing, or less, are refused."""

from typing import Any

import msgspec
import pytest

from queryapi.errors import ConfigurationError
from queryapi.settings import Providers, Settings
from queryapi.settings.checks import check


def _checked(**tables: Any) -> Settings:
    return check(Settings(providers=msgspec.convert(tables, Providers)))


def _changes(*turns: tuple[str, object]) -> dict[str, object]:
    changes = [{"since": since, "price_per_hour": price} for since, price in turns]
    return {"price_per_hour": 1, "changes": changes}


@pytest.mark.parametrize(
    ("expected", "tables"),
    [
        ("providers.default: '-1.0' is no price", {"default": -1}),
        ("providers.default: 'nan' is no price", {"default": float("nan")}),
        ("providers.default: 'inf' is no price", {"default": float("inf")}),
        ("providers.default: 'NaN' is no price", {"default": "NaN"}),
        ("write a number that is not negative, as in 2.99", {"default": "2.99 USD"}),
        ("providers.default: '1_000' is no price", {"default": "1_000"}),
        ("at most 12 decimals", {"default": "0.0000000000001"}),
        ("of at most 1000000000000", {"default": 1e13}),
        ("providers.workers.w: '' is no price", {"workers": {"w": ""}}),
        ("providers.pools: a price of nothing", {"pools": {"": 1}}),
        (
            "providers.gpu_models.H100.price_per_hour: '-2' is no price",
            {"gpu_models": {"H100": {"price_per_hour": "-2"}}},
        ),
        (
            "providers.default.changes[0].since: 'soon' is no time; write it as in 2026-12-01T",
            {"default": _changes(("soon", 1))},
        ),
        (
            "providers.default.changes[1].price_per_hour: 'x' is no price",
            {"default": _changes(("2026-12-01", 1), ("2026-12-02", "x"))},
        ),
        (
            "providers.default.changes[1].since: is not after the one before it",
            {"default": _changes(("2026-12-01T01:00:00Z", 1), ("2026-12-01T02:00:00+01:00", 2))},
        ),
    ],
)
def test_what_is_no_price_is_refused(expected: str, tables: dict[str, Any]) -> None:
    """The message names the setting and says what to write instead."""
    with pytest.raises(ConfigurationError) as failure:
        _checked(**tables)

    assert expected in str(failure.value)


@pytest.mark.parametrize("price", [0, 2, 2.99, "12.50", " 0 ", ".5", "1e-6", 1e12])
def test_what_is_a_price(price: float | str) -> None:
    """A number from 0 on, as text or not."""
    _checked(default=price)
