"""The node's devices under dcgm-exporter's names, for dashboards and alerts that read those."""
