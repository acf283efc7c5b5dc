"""The ways of knowing a service: which questions' answers tell how it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from queryapi.services.vitals.examining.observation import Observation
from queryapi.services.vitals.examining.slot import LATE, Outcomes, Slot
from queryapi.services.vitals.examining.targets import Targets
from queryapi.services.vitals.model import Status
from queryapi.services.vitals.stack import ALERTMANAGER, Target

T = TypeVar("T")

_Answer = Targets | Observation
TargetsSlot = Slot[_Answer]
NO_PROMETHEUS = Observation(Status.TIMEOUT, "Prometheus did not answer in time")
_ALERTMANAGER = (ALERTMANAGER, "")


class Way(Protocol):
    """One way of knowing a service."""

    @property
    def counts(self) -> bool:
        """Whether this process' looks need not be counted for it."""
        ...

    @property
    def slots(self) -> Sequence[Slot[Any]]:
        """The questions whose answers it goes by."""
        ...

    def tell(self, answers: Outcomes) -> Observation | None:
        """Return how the service is; None when there is none to tell of."""
        ...


@dataclass(frozen=True, slots=True)
class _ByOne(Generic[T]):
    """Known by the answer to one question."""

    slot: Slot[T]

    @property
    def slots(self) -> Sequence[Slot[Any]]:
        """That question."""
        return (self.slot,)


@dataclass(frozen=True, slots=True)
class ByAnswer(_ByOne[Observation]):
    """Known by the answer to a question of its own."""

    counts = False

    def tell(self, answers: Outcomes) -> Observation:
        """Return what was answered."""
        return answers.of(self.slot)


@dataclass(frozen=True, slots=True)
class ByTargets(_ByOne[_Answer]):
    """Known by its targets in Prometheus."""

    target: Target
    min_up: float
    counts = True

    def tell(self, answers: Outcomes) -> Observation:
        """Return what Prometheus knows of the targets."""
        found = answers.of(self.slot)
        if isinstance(found, Observation):
            return NO_PROMETHEUS if found is LATE else found
        return found.told(self.target, self.min_up)


@dataclass(frozen=True, slots=True)
class ByNumbers:
    """Known by its numbers; where there is another way too, one that is missing is no fault."""

    numbers: tuple[Slot[Observation], ...]
    decide: bool

    @property
    def counts(self) -> bool:
        """Whether there is another way, which is counted."""
        return not self.decide

    @property
    def slots(self) -> Sequence[Slot[Any]]:
        """A question for each number."""
        return self.numbers

    def tell(self, answers: Outcomes) -> Observation:
        """Return the numbers that could be read."""
        told = [answers.of(slot) for slot in self.numbers]
        found = {name: value for one in told for name, value in one.numbers.items()}
        ill = next((one for one in told if one.status is not Status.HEALTHY), None)
        if ill is None or not self.decide:
            return Observation(Status.HEALTHY, numbers=found)
        error = NO_PROMETHEUS.error if ill is LATE else ill.error
        return Observation(ill.status, error, numbers=found)


@dataclass(frozen=True, slots=True)
class ByAnsweringTargets(_ByOne[_Answer]):
    """Prometheus itself: well when it answers the question for targets."""

    counts = False

    def tell(self, answers: Outcomes) -> Observation:
        """Return whether it answered, and how fast."""
        found = answers.of(self.slot)
        if isinstance(found, Observation):
            return found
        return Observation(Status.HEALTHY, response_time=found.seconds)


@dataclass(frozen=True, slots=True)
class ByApiServer(_ByOne[_Answer]):
    """The cluster exporter: one that is scraped and has lost the API server is not well."""

    counts = True

    def tell(self, answers: Outcomes) -> Observation | None:
        """Return what is wrong; None when nothing is, or nobody knows."""
        found = answers.of(self.slot)
        if isinstance(found, Observation) or not found.has_lost_api_server:
            return None
        return Observation(Status.UNHEALTHY, "it has lost the API server")


class ByNotifications:
    """The Alertmanager: known by its targets, else by whether Prometheus sends to one.

    Where Prometheus knows of none there is none to tell of.
    """

    counts = True

    def __init__(self, slot: TargetsSlot) -> None:
        self._slot = slot
        self._known = False

    @property
    def slots(self) -> Sequence[Slot[Any]]:
        """The question for all targets of the cluster."""
        return (self._slot,)

    def tell(self, answers: Outcomes) -> Observation | None:
        """Return how it is; as long as Prometheus cannot be asked, if it was known before."""
        found = answers.of(self._slot)
        if isinstance(found, Observation):
            return (NO_PROMETHEUS if found is LATE else found) if self._known else None
        told = found.told(_ALERTMANAGER, 1.0)
        if told.status is Status.NOT_CONFIGURED and found.alertmanagers:
            told = Observation(Status.HEALTHY)
        self._known = told.status is not Status.NOT_CONFIGURED
        return told if self._known else None
