"""What a device is asked by number: many fields in one call, each with an answer of its own."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from exporter.errors import DeviceDown, DeviceError, DriverError, Unsupported
from exporter.node.driver.call import translated
from exporter.node.driver.ledger import Ledger
from exporter.node.fields import Fi, FieldKey

_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
"""Where a field's value stands in its union, by nvmlValueType_t."""


class FieldValues:
    """The answers that were fetched, each of which is taken once.

    Args:
        ledger: The device's account.
        ask: Returns nvmlFieldValue_t for each of some fields, by one call.
    """

    def __init__(self, ledger: Ledger, ask: Callable[[Sequence[FieldKey]], Sequence[Any]]) -> None:
        self._ledger = ledger
        self._ask = ask
        self._fetched: dict[FieldKey, Any] = {}
        self._latencies: dict[Fi, float] = {}

    @property
    def latencies(self) -> Mapping[Fi, float]:
        """How long the driver took for each field, in seconds."""
        return self._latencies

    def fetch(self, fields: Iterable[FieldKey]) -> None:
        """Ask for all these fields in one call; what nobody took of the last ones is dropped."""
        self._fetched = {}
        self._bring(fields)

    def value(self, key: FieldKey) -> float | None:
        """Return a field's value, asked for now if it was not fetched; None = not supported."""
        if key not in self._fetched:
            self._bring([key])
        if self._ledger.is_refused(key):
            self._ledger.note(key)
            return None
        answer = self._fetched.pop(key, None)
        if answer is None:
            return None
        if answer.nvmlReturn:
            raise _refusal(key, answer)
        if answer.valueType >= len(_MEMBERS):
            return None
        value = float(getattr(answer.value, _MEMBERS[answer.valueType]))
        return value if math.isfinite(value) else None

    def _bring(self, fields: Iterable[FieldKey]) -> None:
        wanted = [key for key in fields if not self._ledger.is_refused(key)]
        if not wanted:
            return
        try:
            answers = self._ledger.counted("FieldValues", lambda: self._ask(wanted))
        except Unsupported as error:
            self._divide(wanted, error)
        else:
            self._keep(wanted, answers)

    def _divide(self, wanted: Sequence[FieldKey], why: Unsupported) -> None:
        """Find, once, the fields for which the driver refuses all that are asked with them."""
        if len(wanted) == 1:
            self._ledger.refuse(wanted[0], why)
            return
        middle = len(wanted) // 2
        self._bring(wanted[:middle])
        self._bring(wanted[middle:])

    def _keep(self, wanted: Sequence[FieldKey], answers: Sequence[Any]) -> None:
        for key, answer in zip(wanted, answers, strict=False):
            # Noted also for a field that nobody takes: it need not be asked for again.
            refusal = _refusal(key, answer) if answer.nvmlReturn else None
            if isinstance(refusal, Unsupported):
                self._ledger.refuse(key, refusal, answer.nvmlReturn)
                continue
            self._fetched[key] = answer
            self._latencies[key[0]] = answer.latencyUsec / 1e6


def _refusal(key: FieldKey, answer: Any) -> DriverError:
    error = translated(answer.nvmlReturn, f"{key[0].name} {key[1]}")
    # One field of many that is "unknown", as of a link that is off, is not a device that is down.
    unknown = isinstance(error, DeviceDown) and error.reason == "unknown"
    return DeviceError(f"{key[0].name} {key[1]}: unknown error") if unknown else error
