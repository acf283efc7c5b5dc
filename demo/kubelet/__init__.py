"""A kubelet's PodResources API, as much of it as a GPU exporter sees."""
