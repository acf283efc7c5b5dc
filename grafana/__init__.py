"""Grafana's side of gpuscope: builders of dashboards, what they built, what Grafana is told."""
