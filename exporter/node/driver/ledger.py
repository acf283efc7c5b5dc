"""What was asked of a device and how it ended: calls by function, and what is not supported."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exporter.errors import DriverError, Unsupported
from exporter.node.asking import Tally
from exporter.node.driver.call import words
from exporter.node.fields import Fi

Question = tuple[object, ...]


class Ledger:
    """The account of one device or MIG instance.

    Args:
        nvml: The module pynvml.
    """

    def __init__(self, nvml: Any) -> None:
        self._words = words(nvml, "NVML_ERROR_")
        self._refused: dict[Question, str] = {}
        self._missed: list[str] = []
        self._tallies: dict[str, Tally] = {}

    def once(self, question: Question, act: Callable[[], Any]) -> Any:
        """Return what *act* does, or None for what is not supported, which is tried once."""
        if question not in self._refused:
            try:
                return self.counted(str(question[0]), act)
            except Unsupported as error:
                self.refuse(question, error)
        self.note(question)
        return None

    def counted(self, function: str, act: Callable[[], Any]) -> Any:
        """Return what *act* does, as a call of this function."""
        tally = self._tallies.setdefault(function, Tally())
        began = time.perf_counter()
        try:
            return act()
        except Unsupported:
            raise
        except DriverError as error:
            told = self._word(getattr(error.__cause__, "value", 0)) or "other"
            tally.errors[told] = tally.errors.get(told, 0) + 1
            raise
        finally:
            tally.calls += 1
            tally.seconds += time.perf_counter() - began

    def is_refused(self, question: Question) -> bool:
        """Whether this is known not to be supported."""
        return question in self._refused

    def refuse(self, question: Question, error: Unsupported, code: int | None = None) -> None:
        """Remember that this is not supported, with NVML's word for why."""
        code = getattr(error.__cause__, "value", None) if code is None else code
        self._refused[question] = self._word(code) or str(error)

    def note(self, question: Question) -> None:
        """Note that somebody asked for this, which is not supported."""
        words = (each.name if isinstance(each, Fi) else str(each) for each in question)
        # An enumeration that takes long may have had it forgotten in this very moment.
        self._missed.append(f"{' '.join(words)}: {self._refused.get(question, '')}")

    def missed(self) -> Sequence[str]:
        """Return what was noted since the last call of this."""
        missed, self._missed = self._missed, []
        return missed

    def tallies(self) -> Mapping[str, Tally]:
        """Return what was called since the last call of this."""
        tallies, self._tallies = self._tallies, {}
        return tallies

    def forget(self) -> None:
        """Ask again for what was not supported."""
        self._refused.clear()

    def _word(self, code: int | None) -> str:
        return "" if code is None else self._words.get(code, "")
