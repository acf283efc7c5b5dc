"""The exporter's own process as every exporter tells of it: CPU, memory, file descriptors, start.

Names and meaning: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
"""

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from exporter.exposition import Block

_registry = CollectorRegistry()
ProcessCollector(registry=_registry)


def block() -> Block:
    """Return what is so now."""
    return Block(generate_latest(_registry))
