"""GPM, a device's own performance monitors: how its units were used between two samples.

Hopper and later; of a whole device, or of one of its MIG GPU instances.
"""

import contextlib
import math
import time
import weakref
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count
from typing import Any

from exporter.errors import Unsupported
from exporter.node.driver.call import call

SHORTEST = 0.1
"""Seconds between two samples below which NVML promises no result."""


class SamplePool:
    """Every sample that was allocated: freed once, and never after its library is gone."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._numbers = count()
        self._held: dict[int, Any] = {}
        self._dropped: deque[int] = deque()

    def allocate(self) -> tuple[int, Any]:
        """Return a new sample, and the number by which it is dropped."""
        self.sweep()
        number = next(self._numbers)
        self._held[number] = call(self._nvml, self._nvml.nvmlGpmSampleAlloc)
        return number, self._held[number]

    def drop(self, *numbers: int) -> None:
        """Note that nobody needs these samples any more.

        Nothing is called: it may be the garbage collector who says so, at any moment, and while
        nvidia-ml-py loads a function it holds a lock that the same thread cannot take twice.
        """
        self._dropped.extend(numbers)

    def sweep(self) -> None:
        """Free what was dropped."""
        while self._dropped:
            with contextlib.suppress(IndexError):  # another thread was faster
                self._free(self._dropped.popleft())

    def free_all(self) -> None:
        """Free every sample: the library is about to be unloaded."""
        for number in tuple(self._held):
            self._free(number)

    def _free(self, number: int) -> None:
        sample = self._held.pop(number, None)
        if sample is not None:
            # Nothing can be done about a failure, and it is only memory.
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlGpmSampleFree(sample)


class Gpm:
    """The performance monitors of one device.

    Args:
        nvml: The module pynvml.
        handle: The device's.
        pool: Where samples come from.
        clock: A clock that never jumps.
    """

    def __init__(
        self, nvml: Any, handle: Any, pool: SamplePool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._nvml = nvml
        self._handle = handle
        self._pool = pool
        self._clock = clock
        self._supported: bool | None = None
        self._streams: dict[int | None, Stream] = {}
        self._answer: Any = None

    def read(self, gpu_instance: int | None, metrics: Sequence[int]) -> Mapping[int, float]:
        """Return what *metrics* were since the previous call for this GPU instance.

        Args:
            gpu_instance: NVML's id; None = the whole device.
            metrics: NVML's ids.

        Raises:
            Unsupported: When device or driver has no GPM.
        """
        if not self._is_supported():
            raise Unsupported("the device has no GPM")
        stream = self._streams.get(gpu_instance)
        if stream is None:
            stream = Stream(self._nvml, self._taker(gpu_instance), self._pool, self._clock)
            self._streams[gpu_instance] = stream
        self._pool.sweep()
        if self._answer is None:
            self._answer = self._nvml.c_nvmlGpmMetricsGet_t()
        return stream.read(self._answer, metrics)

    def forget(self) -> None:
        """Ask again whether there is GPM."""
        self._supported = None

    def restart(self) -> None:
        """Begin anew with everything."""
        self.forget()
        self._streams = {}

    def retain(self, kept: Collection[int]) -> None:
        """Begin anew with GPU instances that are not among these."""
        self._streams = {
            key: each for key, each in self._streams.items() if key is None or key in kept
        }

    def _is_supported(self) -> bool:
        supported = self._supported
        if supported is None:
            nvml = self._nvml
            answer = call(nvml, nvml.nvmlGpmQueryDeviceSupport, self._handle)
            self._supported = supported = bool(answer.isSupportedDevice)
        return supported

    def _taker(self, gpu_instance: int | None) -> Callable[[Any], None]:
        nvml, handle = self._nvml, self._handle
        if gpu_instance is None:
            return lambda sample: call(nvml, nvml.nvmlGpmSampleGet, handle, sample)
        return lambda sample: call(nvml, nvml.nvmlGpmMigSampleGet, handle, gpu_instance, sample)


class Stream:
    """Two samples that take turns: the previous one and this one.

    Args:
        nvml: The module pynvml.
        take: Fills a sample.
        pool: Where samples come from.
        clock: A clock that never jumps.
    """

    def __init__(
        self, nvml: Any, take: Callable[[Any], None], pool: SamplePool, clock: Callable[[], float]
    ) -> None:
        self._nvml = nvml
        self._take = take
        self._clock = clock
        numbers, self._samples = zip(pool.allocate(), pool.allocate(), strict=True)
        # A call that hangs holds the stream: nothing is freed under it.
        weakref.finalize(self, pool.drop, *numbers).atexit = False
        self._taken_at: float | None = None

    def read(self, answer: Any, metrics: Sequence[int]) -> Mapping[int, float]:
        """Return averages since the previous sample; none at first, and none too soon after it."""
        now = self._clock()
        if self._taken_at is not None and now - self._taken_at < SHORTEST:
            return {}
        previous, fresh = self._samples
        self._take(fresh)
        first = self._taken_at is None
        self._taken_at = now
        self._samples = fresh, previous
        return {} if first else self._compare(previous, fresh, answer, metrics)

    def _compare(
        self, previous: Any, fresh: Any, answer: Any, metrics: Sequence[int]
    ) -> Mapping[int, float]:
        answer.version = self._nvml.NVML_GPM_METRICS_GET_VERSION
        answer.numMetrics = len(metrics)
        answer.sample1, answer.sample2 = previous, fresh
        for place, metric in enumerate(metrics):
            answer.metrics[place].metricId = metric
        call(self._nvml, self._nvml.nvmlGpmMetricsGet, answer)
        found = (answer.metrics[place] for place in range(len(metrics)))
        # Counters that began anew between the samples, as by a reset, make a difference below zero.
        return {
            metric: each.value
            for metric, each in zip(metrics, found, strict=True)
            if each.nvmlReturn == 0 and math.isfinite(each.value) and each.value >= 0
        }
