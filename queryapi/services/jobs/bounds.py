"""What a job may be called, and how much of it may be said and asked: for all who hold to it.

Clients are refused by characters, as the description counts; what is kept is cut by bytes.
"""

import unicodedata

ID_CHARACTERS = 200
ID_RULE = (
    f"must be 1 to {ID_CHARACTERS} characters, without slashes and characters that nobody sees"
)
NAME_BYTES = 4 * 253
"""Of workers, namespaces and the like: as many as the longest name that the API takes may have."""
OPERATION_CHARACTERS = 1000
OPERATION_BYTES = 1024
ERROR_BYTES = 8 * 1024
"""Of why a job failed."""
RESULT_BYTES = 256 * 1024
"""Of what a job came to, as JSON."""
LINES = 500
"""Of one report."""
LINE_BYTES = 8 * 1024
GPUS = 1_000_000
SECONDS_BEFORE = 300.0
"""So long before it became known here may anything of a job be: its worker may have waited."""
MOST_NUMBER = 2**53
"""Of reports and frames: beyond it JavaScript does not count one by one."""
MOST_ROWS = 11_000
"""Of measurements in one answer, as many as Prometheus tells: more make no better chart."""
MOST_SECONDS = 86_400
"""To look back, where each measurement is told."""
MOST_SECONDS_STEPPED = 366 * 86_400

_REPLACED = "\N{REPLACEMENT CHARACTER}"
# Control characters, what ends a line, halves of a character, and what turns the others round or
# takes no room: by them one job would look like another.
_NOBODY_SEES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# What a browser takes for a way up, however it is written, and for no name.
_NO_NAMES = frozenset({".", ".."})


def is_job_id(given: str) -> bool:
    """Tell whether a job may be called that: as a part of a path, and in any database."""
    if not 0 < len(given) <= ID_CHARACTERS or given in _NO_NAMES or given != given.strip():
        return False
    hidden = any(unicodedata.category(each) in _NOBODY_SEES for each in given)
    return not hidden and "/" not in given and _REPLACED not in given
