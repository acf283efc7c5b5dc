"""Every metric family once: name, type, help, labels, who publishes it.

Code, documentation and contract tests all read these files, so a family is added here and nowhere
else. Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for counters,
`_info` for identity. The `cluster` label is Prometheus' to add, never ours.
"""
# ruff: noqa: F403, F405, I001 - one name for all families, in the order of a scrape

from exporter.catalogue.family import *
from exporter.catalogue.devices import *
from exporter.catalogue.power import *
from exporter.catalogue.profiling import *
from exporter.catalogue.health import *
from exporter.catalogue.links import *
from exporter.catalogue.processes import *
from exporter.catalogue.instances import *
from exporter.catalogue.holders import *
from exporter.catalogue.nodes import *
from exporter.catalogue.room import *
from exporter.catalogue.pods import *
from exporter.catalogue.own import *
from exporter.catalogue.serving import *

CATALOGUE: tuple[Family, ...] = tuple(
    value for value in tuple(globals().values()) if isinstance(value, Family)
)
"""Every family, in the order of a scrape."""
