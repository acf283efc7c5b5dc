"""What coverage measures in the processes that tests start."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_VARIABLE = "COVERAGE_PROCESS_CONFIG"


@contextmanager
def the_demo_alone() -> Iterator[None]:
    """Measure no service that the demo's programs start: other rooms run the lines of those."""
    with pytest.MonkeyPatch.context() as patched:
        if given := os.environ.get(_VARIABLE):
            settings = {**json.loads(base64.b64decode(given)), "source": ["demo"]}
            patched.setenv(_VARIABLE, base64.b64encode(json.dumps(settings).encode()).decode())
        yield
