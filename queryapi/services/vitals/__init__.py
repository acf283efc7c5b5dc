"""Real-time metrics: whether the services around the clusters are well."""
