"""Whatever subset of services hangs or breaks, the others are told of, each in its place."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from queryapi.services.vitals.examining.examiner import Examiner
from queryapi.services.vitals.examining.observation import Observation
from queryapi.services.vitals.examining.slot import Moment, Slot
from queryapi.services.vitals.examining.watched import Watched
from queryapi.services.vitals.examining.ways import ByAnswer
from queryapi.services.vitals.model import Status
from queryapi.telemetry.metrics import Metrics

_EVENTS = Slot[Observation](
    lambda _: Observation(Status.HEALTHY, numbers={"events_per_second": 2.0})
)
_METRICS = Metrics("0").looking
_manners = st.sampled_from(["well", "hangs", "breaks"])


class _Hanging(Executor):
    """Runs work at once, but what hangs: that stays under way until it is let go."""

    def __init__(self) -> None:
        self.hanging: set[str] = set()
        self.under_way: list[tuple[str, Future[Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run or keep *fn*."""
        future: Future[Any] = Future()
        name = getattr(fn, "name", "")
        if name in self.hanging:
            self.under_way.append((name, future))
            return future
        try:
            future.set_result(fn(*args, **kwargs))
        except RuntimeError as error:
            future.set_exception(error)
        return future

    def let_go(self) -> None:
        """Have everything that hangs answer, late."""
        for _, future in self.under_way:
            future.set_result(Observation(Status.HEALTHY))
        self.under_way.clear()
        self.hanging.clear()


class _Question:
    """A question by name; it may break."""

    def __init__(self, name: str, *, breaks: bool) -> None:
        self.name = name
        self._breaks = breaks

    def __call__(self, _: Moment) -> Observation:
        if self._breaks:
            raise RuntimeError
        return Observation(Status.HEALTHY)


@given(st.lists(_manners, max_size=8))
def test_every_service_is_told_of_in_its_place(manners: list[str]) -> None:
    """What hangs is late and what breaks is an error; the rest is what it is, in order."""
    executor = _Hanging()
    executor.hanging = {str(at) for at, manner in enumerate(manners) if manner == "hangs"}
    services = [
        Watched(str(at), [ByAnswer(Slot(_Question(str(at), breaks=manner == "breaks")))])
        for at, manner in enumerate(manners)
    ]
    examiner = Examiner(
        services, _EVENTS, executor, seconds=0.0, metrics=_METRICS, clock=lambda: 5.0
    )
    first, again = examiner.examine(), examiner.examine()
    hung = [name for name, _ in executor.under_way]
    executor.let_go()
    after = examiner.examine()

    told = {"well": Status.HEALTHY, "hangs": Status.TIMEOUT, "breaks": Status.ERROR}
    names = [str(at) for at in range(len(manners))]
    assert names == [finding.service for finding in first.findings]
    assert [told[manner] for manner in manners] == [finding.status for finding in first.findings]
    assert (5.0, 2.0, "") == (first.at, first.events_per_second, first.events_error)
    # Never asked twice at a time, and late again.
    assert [f.status for f in first.findings] == [f.status for f in again.findings]
    assert sorted(set(hung)) == sorted(hung)
    # A late answer is of an earlier round: who is asked anew is told of anew.
    told["hangs"] = Status.HEALTHY
    assert [told[manner] for manner in manners] == [finding.status for finding in after.findings]


def test_a_round_without_threads_is_told_all_the_same() -> None:
    """When the process is about to end there is a round of errors, and no exception."""
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    services = [Watched("a", [ByAnswer(Slot(_Question("a", breaks=False)))])]
    told = Examiner(services, _EVENTS, executor, seconds=1.0, metrics=_METRICS).examine()

    assert [("a", Status.ERROR)] == [(finding.service, finding.status) for finding in told.findings]
    assert None is told.events_per_second
    assert "could not be looked at: the log says why" == told.events_error


class _Odd:
    """A way that cannot make sense of what it finds."""

    counts = False
    slots = ()

    def tell(self, _: object) -> Observation:
        raise ValueError


def test_a_service_that_nobody_understands_costs_itself_alone() -> None:
    """A defect of ours with one service leaves the others as they are."""
    services = [
        Watched("odd", [_Odd()], cluster="c"),
        Watched("well", [ByAnswer(Slot(_Question("well", breaks=False)))]),
    ]
    examiner = Examiner(services, _EVENTS, _Hanging(), seconds=1.0, metrics=_METRICS)
    told = [examiner.examine(), examiner.examine()][1]

    assert [Status.ERROR, Status.HEALTHY] == [finding.status for finding in told.findings]
    assert "c" == told.findings[0].cluster
