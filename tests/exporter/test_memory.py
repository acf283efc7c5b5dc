"""Promises about the memory of a process that runs for months."""

import subprocess
import sys

# A thread with a large block of its own; glibc is asked for its heaps while all of them live.
_THREADS = """
import ctypes, threading
from exporter import memory
memory.share_one_heap()
barrier = threading.Barrier(5)
def hold():
    block = bytearray(50_000)
    barrier.wait()
    barrier.wait()
threads = [threading.Thread(target=hold) for _ in range(4)]
for thread in threads:
    thread.start()
barrier.wait()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
barrier.wait()
"""


def test_one_heap() -> None:
    """However many threads there are, they leave no heaps of their own behind."""
    done = subprocess.run(
        [sys.executable, "-c", _THREADS], capture_output=True, text=True, check=True
    )

    assert 1 == done.stdout.count("<heap nr=")
