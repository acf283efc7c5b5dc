"""What prices and the moments at which they change are written as."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from queryapi.errors import ConfigurationError

_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
# Beyond either nobody pays by the hour, and sums need not be exact.
_MOST = Decimal(10) ** 12
_PLACES = 12


def price_of(written: float | str, setting: str) -> Decimal:
    """Return a price as it was written: of 2.99 exactly that, not the nearest binary number.

    Raises:
        ConfigurationError: When it is no price; the message begins with *setting*.
    """
    text = written.strip() if isinstance(written, str) else repr(written)
    if not _NUMBER.fullmatch(text):
        raise ConfigurationError(
            f"{setting}: {text!r} is no price; write a number that is not negative, as in 2.99 or"
            ' "2.99", without a currency (that is providers.currency)'
        )
    price = Decimal(text)
    if price > _MOST or price != round(price, _PLACES):
        raise ConfigurationError(
            f"{setting}: {text!r} is no price; write one of at most {_MOST:f} and with at most"
            f" {_PLACES} decimals"
        )
    return price


def moment_of(written: str, setting: str) -> float:
    """Return the Unix time at which a price changes; without an offset it is in UTC.

    Raises:
        ConfigurationError: When it is no time; the message begins with *setting*.
    """
    try:
        at = datetime.fromisoformat(written)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{setting}: {written!r} is no time; write it as in 2026-12-01T00:00:00Z"
        ) from None
