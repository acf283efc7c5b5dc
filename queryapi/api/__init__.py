"""The documented JSON APIs: parse, ask a service, shape."""
