"""Stand-ins for what a laptop lacks: a Kubernetes API server, a GPU driver, a living fleet."""
