"""`python -m queryapi.gateway`: what `gpuscope-api` starts; its settings come over stdin.

Whoever has that file open sees by its time that this process lives: nothing is written, and nobody
can be kept waiting.
"""

import os
import socket
import sys
from functools import partial

import msgspec

from queryapi.gateway.process import run
from queryapi.settings import Settings
from queryapi.telemetry import logs


def main() -> int:
    """Serve with the settings that stdin holds; returns the exit status."""
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings)
    logs.configure(settings.log.level, settings.log.format)
    # The number of a socket that was inherited, where there is one.
    hearing = socket.socket(fileno=int(sys.argv[1])) if len(sys.argv) > 1 else None
    return run(settings, partial(os.utime, sys.stdin.fileno()), hearing)


if __name__ == "__main__":
    sys.exit(main())
