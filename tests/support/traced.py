"""The openb trace as tests replay it: on some of its machines, or on all of them."""

import os
from pathlib import Path

import pytest

from tests.support import stack
from tests.support.whole import WHOLE, some

SHARE = some(4, 1)
"""One machine of so many is there."""
SCRAPE_SECONDS = stack.LARGE_SCRAPE_SECONDS if WHOLE else stack.SCRAPE_SECONDS
"""Between two scrapes of them."""
_NODES, _PODS = "openb_node_list_all_node.csv", "openb_pod_list_default.csv"


def trace_folder(factory: pytest.TempPathFactory, of: int = SHARE) -> Path:
    """Return a folder with the trace: all of its pods, and one machine *of* so many."""
    given = os.environ.get("TRACE_DIR")
    if not given:
        pytest.skip("set TRACE_DIR to the folder of the openb trace (README.md says where from)")
    return share(Path(given), factory.mktemp("trace"), of)


def share(given: Path, folder: Path, of: int) -> Path:
    """Put the trace into a folder: all of its pods, and one machine *of* so many."""
    heading, *machines = (given / _NODES).read_text().splitlines(keepends=True)
    (folder / _NODES).write_text("".join([heading, *machines[::of]]))
    (folder / _PODS).symlink_to((given / _PODS).resolve())
    return folder
