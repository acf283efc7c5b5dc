"""What Prometheus is told of jobs."""
