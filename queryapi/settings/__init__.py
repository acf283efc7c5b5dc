"""The settings of the query service: their table, where they come from, what is refused."""

from queryapi.settings.access import Anonymous, Api, Auth, Grant, Oidc, Role, TokenReview
from queryapi.settings.databasechecks import sqlite_file
from queryapi.settings.jobs import Jobs, PriceChange, Providers, Rate
from queryapi.settings.source import load, read
from queryapi.settings.table import (
    BasicAuth,
    Cache,
    Cluster,
    Format,
    Level,
    Limits,
    Log,
    Monitoring,
    Pools,
    Settings,
    Stream,
    Timeouts,
    Traces,
    Upstream,
)
from queryapi.settings.values import is_loopback, reads_safely, split_address
from queryapi.settings.watched import RealTimeMetrics, Service

__all__ = [
    "Anonymous",
    "Api",
    "Auth",
    "BasicAuth",
    "Cache",
    "Cluster",
    "Format",
    "Grant",
    "Jobs",
    "Level",
    "Limits",
    "Log",
    "Monitoring",
    "Oidc",
    "Pools",
    "PriceChange",
    "Providers",
    "Rate",
    "RealTimeMetrics",
    "Role",
    "Service",
    "Settings",
    "Stream",
    "Timeouts",
    "TokenReview",
    "Traces",
    "Upstream",
    "is_loopback",
    "load",
    "read",
    "reads_safely",
    "split_address",
    "sqlite_file",
]
