"""Publishes what NVML says of GPUs and what Kubernetes says of GPU pods, for Prometheus."""
