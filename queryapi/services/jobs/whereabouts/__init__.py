"""Which GPU pods jobs are, as Prometheus tells, and what it knows of their GPUs."""
