"""One question per file. Nothing here knows Flask or HTTP."""
