"""Dashboards as Python: one file each; `make dashboards` writes them to `grafana/dashboards/`."""
