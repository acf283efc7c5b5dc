"""`python -m queryapi.gateway`: what `gpuscope-api` starts; its settings come over stdin."""

import sys

import msgspec

from queryapi.gateway.process import run
from queryapi.settings import Settings
from queryapi.telemetry import logs


def main() -> int:
    """Serve with the settings that stdin holds; returns the exit status."""
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings)
    logs.configure(settings.log.level, settings.log.format)
    return run(settings)


if __name__ == "__main__":
    sys.exit(main())
