"""A file of tokens with one in it, as `gpuscope-api token` would write it."""

import hashlib
import json
from pathlib import Path

_ID = "0123456789ab"
TOKEN = f"gpuscope_{_ID}_{'5c' * 32}"


def written(folder: Path, role: str = "viewer") -> Path:
    """Write a file in which TOKEN has *role*."""
    token = {
        "id": _ID,
        "name": "sample",
        "role": role,
        "digest": hashlib.sha256(TOKEN.encode()).hexdigest(),
        "created": "2026-01-01T00:00:00Z",
    }
    path = folder / "tokens.json"
    path.write_text(json.dumps({"version": 1, "tokens": [token]}))
    path.chmod(0o600)
    return path
