"""How the process takes memory from the system."""

import ctypes

# malloc.h of glibc.
_M_ARENA_MAX = -8


def share_one_heap() -> None:
    """Let all threads take memory from one heap; to be called before there are any.

    glibc gives threads heaps of their own, up to eight for each core, for the sake of speed where
    many allocate at once. Here they come and go, take turns at the interpreter, and each leaves
    its heap a little fuller: a third of the process's memory. Does nothing under another C library.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
