"""What is told of a snapshot: to Prometheus, and to people who open the landing page."""
