"""Every call into NVML written down, whoever makes it by way of nvidia-ml-py."""

import contextlib
import ctypes
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pynvml

from exporter.node.fields import Fi

_FIELDS = "nvmlDeviceGetFieldValues"
_GPM = "nvmlGpmMetricsGet"
_TYPES = ("double", "uint", "ulong", "ull", "sll", "sint", "ushort")
"""nvmlValueType_t."""


@dataclass(slots=True)
class Answers:
    """What one question came to: NVML's return codes, and seconds per call."""

    codes: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    kind: str = ""

    def add(self, code: int, seconds: float) -> None:
        """Take in one answer."""
        self.codes[code] += 1
        self.seconds.append(seconds)


Question = tuple[str | int, ...]


@dataclass(slots=True)
class Recording:
    """All that was asked: C functions with their numbers, and fields by id and scope."""

    calls: dict[Question, Answers] = field(default_factory=dict)
    fields: dict[Question, Answers] = field(default_factory=dict)

    def call(self, question: Question, code: int, seconds: float) -> None:
        """Take in the answer to a call."""
        self.calls.setdefault(question, Answers()).add(code, seconds)

    def answers(self, values: Any) -> None:
        """Take in what one call of nvmlDeviceGetFieldValues answered, field by field."""
        for each in values:
            kept = self.fields.setdefault((_named(each.fieldId), each.scopeId), Answers())
            kept.add(each.nvmlReturn, each.latencyUsec / 1e6)
            if not each.nvmlReturn:
                kept.kind = dict(enumerate(_TYPES)).get(each.valueType, str(each.valueType))

    def metrics(self, asked: Any) -> None:
        """Take in what one call of nvmlGpmMetricsGet answered, metric by metric."""
        for each in asked.metrics[: asked.numMetrics]:
            kept = self.fields.setdefault(("GPM metric", each.metricId), Answers())
            kept.add(each.nvmlReturn, 0.0)


@contextlib.contextmanager
def recorded(recording: Recording) -> Iterator[None]:
    """Write down every call into NVML, whoever makes it by way of nvidia-ml-py."""
    module: Any = pynvml
    find = module._nvmlGetFunctionPointer  # noqa: SLF001 - every call goes by way of it

    def watched(name: str) -> Callable[..., int]:
        try:
            function = find(name)
        except module.NVMLError as error:
            recording.call((name,), error.value, 0.0)
            raise

        def called(*arguments: Any) -> int:
            began = time.perf_counter()
            code = int(function(*arguments))
            recording.call((name, *_numbers(name, arguments)), code, time.perf_counter() - began)
            if name == _FIELDS and not code:
                recording.answers(arguments[2]._obj)  # noqa: SLF001 - byref has no other name for it
            if name == _GPM and not code:
                recording.metrics(arguments[0]._obj)  # noqa: SLF001 - idem
            return code

        return called

    module._nvmlGetFunctionPointer = watched  # noqa: SLF001
    try:
        yield
    finally:
        module._nvmlGetFunctionPointer = find  # noqa: SLF001


def _numbers(name: str, arguments: Sequence[Any]) -> tuple[int, ...]:
    """Return what says which of its quantities a function was asked for: small numbers."""
    if name == _FIELDS:
        return ()
    pairs = pairwise(arguments)
    # A number after a buffer is its length.
    said = (each for before, each in pairs if not isinstance(before, ctypes.Array))
    plain = (getattr(each, "value", each) for each in said)
    return tuple(each for each in plain if isinstance(each, int) and each < 2**16)


def _named(number: int) -> str:
    return next((field.name for field in Fi if field == number), str(number))
