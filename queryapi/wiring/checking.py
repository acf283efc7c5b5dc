"""Looks at what the settings name, and loads nothing of what serves."""

import os
from pathlib import Path

from queryapi.access import tokenfile
from queryapi.settings import Settings
from queryapi.telemetry.tracing import endpoint_of


def check(settings: Settings) -> None:
    """Find out what making the parts would: before there are processes, and beginning nothing.

    Raises:
        ConfigurationError: When something that the settings name cannot be used.
    """
    if settings.auth.tokens_file is not None:
        tokenfile.load(Path(settings.auth.tokens_file))
    endpoint_of(settings, os.environ)
