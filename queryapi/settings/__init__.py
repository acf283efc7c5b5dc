"""The settings of the query service: their table, where they come from, what is refused."""

from queryapi.settings.checks import split_address
from queryapi.settings.source import load
from queryapi.settings.table import BasicAuth, Cache, Cluster, Log, Settings, Timeouts

__all__ = [
    "BasicAuth",
    "Cache",
    "Cluster",
    "Log",
    "Settings",
    "Timeouts",
    "load",
    "split_address",
]
