"""The API server: lists, watches, single objects, the lease; nothing of what they are about."""
