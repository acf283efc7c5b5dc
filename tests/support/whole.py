"""Whether the heaviest tests take the whole of their input, or keep their promises on less of it.

`GPUSCOPE_TEST_WHOLE=1` asks for the whole.
"""

import os

# Read while tests are collected: tests/conftest.py scrubs it from what the tests themselves see.
WHOLE = bool(os.environ.get("GPUSCOPE_TEST_WHOLE"))


def some(small: int, whole: int) -> int:
    """Return how many examples, rounds or seconds a heavy test takes."""
    return whole if WHOLE else small
