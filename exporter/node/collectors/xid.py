"""XIDs and other events: the driver tells of them by itself, so nothing is asked here.

`exporter/node/incidents.py` listens while this collector is enabled.
"""

from exporter.node.collector import Collector

COLLECTOR = Collector("xid", "XID errors and other events, as the driver tells of them", ())
