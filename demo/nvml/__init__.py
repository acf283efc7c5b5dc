"""A libnvidia-ml.so.1 that plays a scenario file, for machines without an NVIDIA GPU."""
