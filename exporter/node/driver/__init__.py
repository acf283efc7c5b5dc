"""The real driver: NVML by way of nvidia-ml-py."""
