"""Promises of every collector about a question that fails this time and not the next."""

from collections import Counter, deque
from contextlib import suppress

import pynvml
import pytest

from exporter.errors import DeviceError
from exporter.node.collector import Collector
from exporter.node.collectors import COLLECTORS, identity
from exporter.node.driver.device import NvmlDevice
from exporter.node.fields import Fi
from exporter.node.reading import Reading
from tests.support.any_driver import answering

Question = tuple[object, ...]
MOST = 60
"""Questions of a collector that are tried: more are the same for one more link."""
FEW = 3


class Balky(NvmlDevice):
    """A device on which one question fails.

    Args:
        balks: The question.
    """

    def __init__(self, balks: Question = ()) -> None:
        super().__init__(pynvml, pynvml.c_nvmlDevice_t(), "GPU-a", 0)
        self.balks = balks
        self.questions: dict[Question, None] = {}

    def ask(self, function: str, *arguments: object) -> object:
        """Fail or answer."""
        self._note(function, *arguments)
        return super().ask(function, *arguments)

    def field(self, field: Fi, scope: int = 0) -> float | None:
        """Fail or answer."""
        self._note(field, scope)
        return super().field(field, scope)

    def _note(self, *question: object) -> None:
        self.questions[question] = None
        if question == self.balks:
            raise DeviceError("busy")


def _readings(collector: Collector, device: Balky) -> set[Reading]:
    found: set[Reading] = set()
    for part in collector.parts:
        device.fetch(part.fields)
        with suppress(DeviceError):
            # What came before a failure is kept.
            deque(map(found.add, part.collect(device)), maxlen=0)
    return found


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda each: each.name)
def test_a_question_that_fails(collector: Collector) -> None:
    """It costs what it answers and no more, and no other answer stands in for it."""
    lost: Counter[Reading] = Counter()
    with answering(1, pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG):
        whole = Balky()
        expected = _readings(collector, whole)
        for question in list(whole.questions)[:MOST]:
            found = _readings(collector, Balky(question))
            lost.update(expected - found)

            assert found <= expected or collector is identity.COLLECTOR, question
    # A reading has a question of its own, perhaps one whether there is such a thing, and a sum
    # has several. The labels of an identity have one each, but it is never lost.
    assert collector is identity.COLLECTOR or max(lost.values(), default=0) <= FEW
