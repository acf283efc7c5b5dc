"""The process that holds every WebSocket."""
