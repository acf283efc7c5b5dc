"""What a Prometheus lacks for the answers of this service, found by reading it independently."""
