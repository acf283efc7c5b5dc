"""An NVML library that answers the same number to everything, below the real nvidia-ml-py."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pynvml

TEXT = "any words"
"""What it answers where a text is asked for."""

_SIMPLE = ctypes._SimpleCData


class AnyLibrary:
    """Every function succeeds, and fills whatever it is given with one number.

    Args:
        number: The number; what does not fit is cut off, as a driver's union would be.
        value_type: How it says that a field's value is to be read.
    """

    def __init__(self, number: int, value_type: int) -> None:
        self.number = number
        self._value_type = value_type

    def __getattr__(self, name: str) -> Callable[..., int]:
        """Return a function of the library."""
        # How many devices there are is no device's answer.
        return AnyLibrary(2, 0)._answer if "GetCount" in name else self._answer

    def _answer(self, *arguments: Any) -> int:
        # How long a list is, is a small number, and asked for without one or with one.
        lists = any(argument is None or _is_list(argument) for argument in arguments)
        for argument in arguments:
            # What is given by reference holds what it refers to.
            target = getattr(argument, "_obj", argument)
            if lists and isinstance(target, _SIMPLE) and target is not argument:
                target.value = min(self.number, 2)
            elif target is not argument or _is_list(argument):
                self._fill(target)
            elif isinstance(argument, ctypes.Array):
                argument.value = TEXT.encode()
        return 0

    def _fill(self, target: Any) -> None:
        if isinstance(target, ctypes.Structure):
            for name, kind, *_ in target._fields_:
                self._set(target, name, kind)
        elif _is_list(target) and len(target):
            self._fill(target[0])
            # All others alike, at once: there are a thousand of them where every link is asked.
            one = ctypes.string_at(ctypes.addressof(target), ctypes.sizeof(target._type_))
            ctypes.memmove(target, one * len(target), ctypes.sizeof(target))
        elif isinstance(target, _SIMPLE) and not isinstance(target, _NOT_NUMBERS):
            target.value = self.number

    def _set(self, target: Any, name: str, kind: type) -> None:
        if name == "nvmlReturn":
            target.nvmlReturn = 0
        elif name == "valueType":
            target.valueType = self._value_type
        elif issubclass(kind, ctypes.Union):
            getattr(target, name).ullVal = self.number & (2**64 - 1)
        elif issubclass(kind, ctypes.Structure | ctypes.Array):
            self._fill_member(target, name, kind)
        elif issubclass(kind, _SIMPLE) and not issubclass(kind, _NOT_NUMBERS):
            setattr(target, name, self.number)

    def _fill_member(self, target: Any, name: str, kind: Any) -> None:
        member = getattr(target, name)
        if issubclass(kind, ctypes.Structure):
            self._fill(member)
        elif not _text(kind) and issubclass(kind._type_, _SIMPLE):
            for index in range(kind._length_):
                member[index] = self.number
        elif not _text(kind):
            self._fill(member)


_NOT_NUMBERS = (ctypes.c_char, ctypes.c_char_p, ctypes.c_void_p)


def _is_list(argument: Any) -> bool:
    return isinstance(argument, ctypes.Array) and not _text(type(argument))


def _text(kind: Any) -> bool:
    return issubclass(kind._type_, ctypes.c_char)


@contextmanager
def answering(number: int, value_type: int) -> Iterator[AnyLibrary]:
    """Let nvidia-ml-py find such a library."""
    library, before = AnyLibrary(number, value_type), pynvml.nvmlLib
    pynvml.nvmlLib = library
    pynvml._nvmlGetFunctionPointer_cache.clear()
    try:
        yield library
    finally:
        pynvml.nvmlLib = before
        pynvml._nvmlGetFunctionPointer_cache.clear()
