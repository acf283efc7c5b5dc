"""One fleet, as gpuscope's exporters tell of it, and as dcgm-exporter and kube-state-metrics do."""
