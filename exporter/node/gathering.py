"""Questions of one kind in great number, of which one that fails must not cost the others."""

from collections.abc import Callable
from typing import Any, TypeVar

from exporter.errors import DeviceDown, DeviceError
from exporter.node.asking import Device
from exporter.node.fields import Fi, FieldKey

_Answer = TypeVar("_Answer")


class Gathering:
    """Asks a device, and keeps the first failure for the end.

    Args:
        device: Whom to ask. That it is down is raised at once, as is that of the whole driver.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._failure: DeviceError | None = None
        self.failures = 0

    def field(self, field: Fi, scope: int = 0) -> float | None:
        """Return a field's value; None also when it cannot be had this time."""
        return self.attempt(lambda: self._device.field(field, scope))

    def ask(self, function: str, *arguments: object) -> Any:
        """Return what a function answers; None also when it cannot be had this time."""
        return self.attempt(lambda: self._device.ask(function, *arguments))

    def first(self, *questions: FieldKey | tuple[str, *tuple[int, ...]]) -> Any:
        """Return the first answer there is to fields or functions that mean the same.

        One that fails this time is not replaced: for a reading the other might begin elsewhere.
        """
        return self.attempt(lambda: self._first(questions))

    def attempt(self, act: Callable[[], _Answer]) -> _Answer | None:
        """Return what *act* does; None also when it fails this time."""
        try:
            return act()
        except DeviceDown:
            raise
        except DeviceError as error:
            self._failure = self._failure or error
            self.failures += 1
            return None

    def settle(self) -> None:
        """Raise the first failure, once everything else was told."""
        if self._failure is not None:
            raise self._failure

    def _first(self, questions: tuple[FieldKey | tuple[str, *tuple[int, ...]], ...]) -> Any:
        for what, *arguments in questions:
            if isinstance(what, Fi):
                answer: Any = self._device.field(what, *arguments)
            else:
                answer = self._device.ask(str(what), *arguments)
            if answer is not None:
                return answer
        return None
