"""Every field of DCGM's that we know: its names, type, help and unit, and where we read it.

The only place that says how dcgm-exporter calls what is ours: the compatibility mode, the page of
metrics and the tests read these tables. Names, types and help texts up to 4.8 are those of
https://github.com/NVIDIA/dcgm-exporter/blob/main/etc/default-counters.csv, new names those of
https://docs.nvidia.com/datacenter/dcgm/latest/dcgm-api/dcgm-api-field-ids.html
"""
# ruff: noqa: F403, F405 - one name for all tables

from exporter.catalogue.dcgm import devices, health, links, profiling, unavailable
from exporter.catalogue.dcgm.field import *

FIELDS: tuple[Field, ...] = (
    *devices.FIELDS,
    *health.FIELDS,
    *links.FIELDS,
    *profiling.FIELDS,
    *unavailable.FIELDS,
)
"""In the order of a page."""


def is_dcgms(name: str) -> bool:
    """Tell whether DCGM has a field of this name, of those that NVML does not tell."""
    return name.startswith(unavailable.PREFIXES)


def named(family: str) -> tuple[str, ...]:
    """Return what dcgm-exporter up to 4.8 calls what a family tells."""
    return tuple(
        field.name for field in FIELDS if field.source is not None and field.source.family == family
    )
