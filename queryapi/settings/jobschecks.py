"""Refuses prices that are none: by them jobs would cost nothing, or less."""

from queryapi.errors import ConfigurationError
from queryapi.settings.jobs import Price, Providers, Rate
from queryapi.settings.pricing import moment_of, price_of

TABLES = ("workers", "pools", "instance_types", "gpu_models")
"""The settings that have prices by name, the first that fits counts."""


def check_providers(providers: Providers) -> None:
    """Refuse what no cost can be made of.

    Raises:
        ConfigurationError: Naming the first such setting, and saying what to write instead.
    """
    for table in TABLES:
        for name, rate in getattr(providers, table).items():
            if not name:
                raise ConfigurationError(
                    f"providers.{table}: a price of nothing; write a name before it, or put it in"
                    " providers.default"
                )
            _check_rate(f"providers.{table}.{name}", rate)
    if providers.default is not None:
        _check_rate("providers.default", providers.default)


def _check_rate(setting: str, rate: Price | Rate) -> None:
    if not isinstance(rate, Rate):
        price_of(rate, setting)
        return
    price_of(rate.price_per_hour, f"{setting}.price_per_hour")
    before = None
    for number, change in enumerate(rate.changes):
        where = f"{setting}.changes[{number}]"
        price_of(change.price_per_hour, f"{where}.price_per_hour")
        since = moment_of(change.since, f"{where}.since")
        if before is not None and since <= before:
            raise ConfigurationError(
                f"{where}.since: is not after the one before it; write the changes in the order"
                " of time, each time once"
            )
        before = since
