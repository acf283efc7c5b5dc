"""The node role: what NVML says of the devices of one machine."""
