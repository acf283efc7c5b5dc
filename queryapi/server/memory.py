"""Gives memory back to the system: what one large answer needed is not kept for ever."""

import ctypes

# malloc.h of glibc.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGE_BYTES = 128 * 1024


def return_large_blocks() -> None:
    """Let large blocks be mapped one by one, and unmapped when they are freed.

    glibc begins like that, and stops with the first large block that is freed: from then on blocks
    of that size lie among small ones, and stay (mallopt(3)). Does nothing under another C library.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _LARGE_BYTES)
