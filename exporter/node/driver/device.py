"""One device of NVML's and its MIG instances: how they are asked."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from exporter.errors import DeviceDown, Unsupported
from exporter.node.asking import Instance, Tally
from exporter.node.driver.call import call, word
from exporter.node.driver.fieldvalues import FieldValues
from exporter.node.driver.gpm import SHORTEST, Gpm, SamplePool
from exporter.node.driver.instances import Found, look, uuid_of
from exporter.node.driver.ledger import Ledger
from exporter.node.driver.wrappers import WRAPPERS
from exporter.node.fields import Fi, FieldKey


class NvmlAsker:
    """What is open for questions.

    Args:
        nvml: The module pynvml.
        handle: NVML's.
        uuid: Its UUID.
        profile: Returns GPM metrics since the previous call.
    """

    def __init__(
        self,
        nvml: Any,
        handle: Any,
        uuid: str,
        profile: Callable[[Sequence[int]], Mapping[int, float]],
    ) -> None:
        self._nvml = nvml
        self._handle = handle
        self._profile = profile
        self._ledger = Ledger(nvml)
        self.uuid = uuid

    @property
    def handle(self) -> Any:
        """NVML's handle."""
        return self._handle

    def ask(self, function: str, *arguments: object) -> Any:
        """Return what NVML answers, or None when there is no such thing."""
        question = (function, *arguments)
        return self._once(question, lambda: call(self._nvml, self._function(function), *arguments))

    def word(self, prefix: str, number: int) -> str:
        """Return the name of a constant: NVML_BRAND_, 5 → geforce."""
        return word(self._nvml, prefix, number)

    def profile(self, metrics: Sequence[int]) -> Mapping[int, float]:
        """Return GPM metrics since the previous call."""
        return self._once(("Gpm",), lambda: self._profile(metrics)) or {}

    def missed(self) -> Sequence[str]:
        """Return what was asked since the last call of this and is not supported."""
        return self._ledger.missed()

    def tallies(self) -> Mapping[str, Tally]:
        """Return what was called since the last call of this."""
        return self._ledger.tallies()

    def forget(self) -> None:
        """Ask again for what was not supported."""
        self._ledger.forget()

    def _once(self, question: tuple[object, ...], act: Callable[[], Any]) -> Any:
        return self._ledger.once(question, act)

    def _function(self, name: str) -> Callable[..., Any]:
        wrapper = WRAPPERS.get(name)
        if wrapper is not None:
            return lambda *arguments: wrapper(self._nvml, self._handle, *arguments)
        function = getattr(self._nvml, f"nvmlDeviceGet{name}", None)
        if function is None:
            raise Unsupported(f"nvidia-ml-py does not know {name}")
        return lambda *arguments: function(self._handle, *arguments)


class NvmlInstance(NvmlAsker):
    """One MIG instance; *gone* once the handle leads elsewhere, and then it answers nothing."""

    def __init__(self, nvml: Any, found: Found, gpm: Gpm) -> None:
        super().__init__(nvml, found.handle, found.uuid, partial(gpm.read, found.gpu_instance))
        self.found = found
        self.gpu_instance = found.gpu_instance
        self.compute_instance = found.compute_instance
        self.index = found.index
        self.gone = False

    def check(self) -> None:
        """Find out whether the handle still leads to this instance: handles are used again."""
        self.gone = self.gone or uuid_of(self._nvml, self._handle) != self.uuid

    def _once(self, question: tuple[object, ...], act: Callable[[], Any]) -> Any:
        if self.gone:
            return None
        known = self._ledger.is_refused(question)
        try:
            answer = super()._once(question, act)
        except DeviceDown:
            self.check()
            return None
        if answer is None and not known:
            self.check()
        return answer


class NvmlDevice(NvmlAsker):
    """One device.

    Args:
        nvml: The module pynvml.
        handle: NVML's.
        uuid: Its UUID.
        index: Its place in the driver's enumeration.
        pool: Where GPM samples come from; None = a pool of its own.
    """

    def __init__(
        self, nvml: Any, handle: Any, uuid: str, index: int, pool: SamplePool | None = None
    ) -> None:
        self._gpm = Gpm(nvml, handle, pool or SamplePool(nvml))
        super().__init__(nvml, handle, uuid, partial(self._gpm.read, None))
        self.index = index
        self._cut: tuple[int | None, bool] | None = None
        self._instances: tuple[NvmlInstance, ...] = ()
        self._checked = float("-inf")
        self._complete = True
        self._fields = FieldValues(self._ledger, self._ask_fields)

    def fetch(self, fields: Iterable[FieldKey]) -> None:
        """Ask for all these fields in one call."""
        self._fields.fetch(fields)

    def field(self, field: Fi, scope: int = 0) -> float | None:
        """Return a field's value."""
        return self._fields.value((field, scope))

    def latencies(self) -> Mapping[Fi, float]:
        """Return how long the driver took for each field, in seconds."""
        return self._fields.latencies

    def missed(self) -> Sequence[str]:
        """Return what was asked, of its instances too, and is not supported."""
        parts = (part for each in self._instances for part in each.missed())
        return tuple(dict.fromkeys((*super().missed(), *parts)))

    def tallies(self) -> Mapping[str, Tally]:
        """Return what was called, of its instances too, since the last call of this."""
        total = dict(super().tallies())
        for instance in self._instances:
            for function, tally in instance.tallies().items():
                total.setdefault(function, Tally()).add(tally)
        return total

    def forget(self) -> None:
        """Ask again for what was not supported, by the device or by its instances."""
        super().forget()
        self._gpm.forget()
        for each in self._instances:
            each.forget()

    def find_instances(self) -> Sequence[Instance]:
        """Look which MIG instances there are."""
        mode = (self.ask("MigMode") or [None])[0]
        before = {each.found: each for each in self._instances if not each.gone}
        seen = tuple(look(self._nvml, self._handle)) if mode else ()
        found = [each for each in seen if each is not None]
        self._complete = len(found) == len(seen)
        self._note_cut(mode, any_instance=bool(found))
        self._gpm.retain({each.gpu_instance for each in found if each in before})
        self._instances = tuple(
            before.get(each) or NvmlInstance(self._nvml, each, self._gpm) for each in found
        )
        self._checked = time.monotonic()
        return self._instances

    def instances(self, *, check: bool = False) -> Sequence[Instance]:
        """Return the MIG instances that were found last; look again when one was lost or missed."""
        now = time.monotonic()
        if check or now - self._checked >= SHORTEST:
            self._checked = now
            for each in self._instances:
                each.check()
        if not self._complete or any(each.gone for each in self._instances):
            return self.find_instances()
        return self._instances

    def _note_cut(self, mode: int | None, *, any_instance: bool) -> None:
        """Begin anew where it changed: what a device can tell depends on it.

        On MIG mode most does, on there being instances the rows that were remapped.
        """
        before, self._cut = self._cut, (mode, any_instance)
        if before is not None and before != self._cut:
            self.forget()
            if before[0] != mode:
                self._gpm.restart()

    def _ask_fields(self, wanted: Sequence[FieldKey]) -> Sequence[Any]:
        answers: Sequence[Any] = call(self._nvml, self._function("FieldValues"), wanted)
        return answers
