"""Owners that nobody watches are asked for one by one: when, how often, and with what result."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest

from demo.processes import wait_for
from exporter.cluster.api.lookup import RESULTS, Limits, OwnerLookup
from exporter.cluster.objects.wire import Metadata, ObjectWire, OwnerReference
from exporter.errors import (
    ApiServerUnavailable,
    KubernetesError,
    MalformedObject,
    NotFound,
    RequestRejected,
    ResourceRefused,
)
from tests.support.fake_source import Clock

FORBIDDEN = ResourceRefused("403 no permission")
DOWN = ApiServerUnavailable("no answer")


def owner(name: str, kind: str = "JobSet", group: str = "jobset.x-k8s.io") -> OwnerReference:
    """Return a reference to an owner; its UID is `uid-NAME`."""
    version = f"{group}/v1" if group else "v1"
    return OwnerReference(kind, name, f"uid-{name}", version, controller=True)


@dataclass(slots=True)
class Script:
    """An `Api` that answers what a test wrote down: by name, by kind, or with the owner itself."""

    clock: Clock = field(default_factory=Clock)
    answers: dict[str, Exception | ObjectWire] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def find(self, namespace: str, reference: OwnerReference) -> ObjectWire:
        """Answer."""
        self.asked.append(f"{namespace}/{reference.name}")
        self.meanwhile()
        said = self.answers.get(reference.name) or self.answers.get(reference.kind)
        if isinstance(said, Exception):
            raise said
        return said or ObjectWire(Metadata(reference.name, reference.uid))


@dataclass(slots=True)
class Bench:
    """A look-up without its thread, and what it delivered."""

    api: Script = field(default_factory=Script)
    limits: Limits = field(default_factory=Limits)
    delivered: list[str] = field(default_factory=list)
    lookup: OwnerLookup = field(init=False)

    def __post_init__(self) -> None:
        self.lookup = OwnerLookup(
            self.api,
            lambda reference, _: self.delivered.append(reference.name),
            monotonic=self.api.clock,
            random=lambda: 0.0,
            limits=self.limits,
        )

    def want(self, *owners: OwnerReference) -> None:
        """Want owners of something in the namespace ml."""
        for reference in owners:
            self.lookup.want("ml", reference)

    def work(self) -> float:
        """Look up until there is nothing to do now; return for how long."""
        while not (pause := self.lookup.step()):
            pass
        return pause

    def after(self, seconds: float) -> list[str]:
        """Let time pass, look up, and return who was asked for."""
        self.api.clock.now += seconds
        self.api.asked.clear()
        self.work()
        return list(self.api.asked)


def test_a_wanted_owner_is_delivered_once() -> None:
    """However often it is wanted before it is found; wanted again later, it is found again."""
    bench = Bench()
    bench.want(owner("a"), owner("b"), owner("a"))

    assert float("inf") == bench.work()
    assert ["ml/a", "ml/b"] == bench.api.asked
    assert ["a", "b"] == bench.delivered
    bench.want(owner("a"))
    bench.work()
    assert ["a", "b", "a"] == bench.delivered
    assert {"found": 3} == dict(bench.lookup.results)


def test_the_next_one_up_may_be_wanted_while_delivering() -> None:
    """So a chain is climbed; whoever wants the same one again meanwhile waits for it."""
    bench = Bench()
    chain = {"pod": "set", "set": "group"}

    def climb(reference: OwnerReference, found: ObjectWire) -> None:
        bench.delivered.append(found.metadata.name)
        bench.want(reference)
        if reference.name in chain:
            bench.want(owner(chain[reference.name]))

    bench.lookup = OwnerLookup(bench.api, climb, monotonic=bench.api.clock, random=lambda: 0.0)
    bench.want(owner("pod"))
    bench.work()

    assert ["pod", "set", "group"] == bench.delivered
    assert 0 == bench.lookup.waiting()


def test_a_missing_owner_is_not_asked_for_again_soon() -> None:
    """Five minutes; it does not come back by itself, only when it is wanted again."""
    bench = Bench()
    bench.api.answers["a"] = NotFound("not there")
    bench.want(owner("a"))
    bench.work()
    bench.want(owner("a"))

    assert [] == bench.after(299.0)
    bench.want(owner("a"))
    assert [] == bench.after(1.0)
    bench.want(owner("a"))
    assert ["ml/a"] == bench.after(0.0)
    assert {"missing": 2} == dict(bench.lookup.results)
    assert [] == bench.delivered


def test_another_of_the_same_name_is_a_missing_owner() -> None:
    """A name taken over says nothing about the one that was meant."""
    bench = Bench()
    bench.api.answers["a"] = ObjectWire(Metadata("a", "uid-of-another"))
    bench.want(owner("a"))
    bench.work()

    assert {"missing": 1} == dict(bench.lookup.results)
    assert [] == bench.delivered


def test_a_forbidden_kind_is_tried_every_ten_minutes_with_one_request() -> None:
    """Those of the kind wait meanwhile; once the permission is there, all are found."""
    bench = Bench()
    bench.api.answers["JobSet"] = FORBIDDEN
    bench.want(owner("a"), owner("b"), owner("w", "Workflow", "argoproj.io"), owner("c"))

    assert 600.0 == bench.work()
    assert ["ml/a", "ml/w"] == bench.api.asked
    bench.want(owner("d"), owner("a"))
    assert [] == bench.after(599.0)
    assert 1 == len(bench.after(1.0))
    del bench.api.answers["JobSet"]
    assert ["ml/a", "ml/b", "ml/c", "ml/d"] == sorted(bench.after(600.0))
    assert {"forbidden": 2, "found": 5} == dict(bench.lookup.results)
    assert 0 == bench.lookup.waiting()


def test_one_kind_of_two_groups_is_two_kinds() -> None:
    """A permission is about one group."""
    bench = Bench()
    bench.api.answers["a"] = FORBIDDEN
    bench.want(owner("a", "Job", "batch.volcano.sh"), owner("b", "Job", "batch"))
    bench.work()

    assert ["b"] == bench.delivered


def test_while_the_api_server_is_down_nothing_is_lost() -> None:
    """Attempts come more and more seldom, and go on until there are answers."""
    bench = Bench()
    bench.api.answers["JobSet"] = DOWN
    bench.want(owner("a"), owner("b"))
    moments = []
    bench.api.meanwhile = lambda: moments.append(bench.api.clock.now - 1000.0)
    while len(moments) < 5:
        bench.api.clock.now += bench.work()

    assert pytest.approx([0.0, 0.8, 2.4, 5.6, 12.0]) == moments
    del bench.api.answers["JobSet"]
    bench.after(60.0)
    assert {"a", "b"} == set(bench.delivered)
    assert {"error": 5, "found": 2} == dict(bench.lookup.results)


def test_the_api_server_may_ask_for_more_patience() -> None:
    """Its Retry-After is heeded."""
    bench = Bench()
    bench.api.answers["a"] = ApiServerUnavailable("slow down", retry_after=30.0)
    bench.want(owner("a"))

    assert 60.0 == bench.work()


def test_an_owner_that_cannot_be_read_does_not_hold_up_the_others() -> None:
    """It goes behind those of its kind, and those of other kinds do not wait at all."""
    bench = Bench()
    bench.api.answers["a"] = DOWN
    bench.want(owner("a"), owner("b"), owner("c"), owner("w", "Workflow", "argoproj.io"))
    bench.work()

    assert ["w"] == bench.delivered
    assert ["ml/b", "ml/c"] == bench.after(0.8)


@pytest.mark.parametrize(
    "failure",
    [RequestRejected("422"), MalformedObject("no object"), KubernetesError("?"), KeyError()],
)
def test_what_can_never_succeed_is_given_up(failure: Exception) -> None:
    """A reference or an answer that makes no sense, a defect of ours: once is enough."""
    bench = Bench()
    bench.api.answers["a"] = failure
    bench.want(owner("a"), owner("b"))
    bench.work()
    bench.want(owner("a"))

    assert [] == bench.after(299.0)
    assert {"error": 1, "found": 1} == dict(bench.lookup.results)
    assert ["b"] == bench.delivered


def test_look_ups_are_rationed() -> None:
    """Fifty at once, then ten a second; and what was saved up never exceeds the fifty."""
    bench = Bench()
    bench.api.clock.now += 1000.0
    bench.want(*(owner(f"o{n}") for n in range(70)))

    assert pytest.approx(0.1) == bench.work()
    assert 50 == len(bench.api.asked)
    assert 10 == len(bench.after(1.0))
    assert 10 == len(bench.after(1000.0))
    bench.want(*(owner(f"p{n}") for n in range(70)))
    assert 40 == len(bench.after(0.0))


def test_what_is_kept_is_bounded() -> None:
    """Of too many wanted the last are dropped, of those that wait the ones wanted longest ago."""
    bench = Bench(limits=Limits(wanted=3, absent=2))
    bench.want(*(owner(f"o{n}") for n in range(5)))

    assert 3 == bench.lookup.waiting()
    bench.api.answers["JobSet"] = FORBIDDEN
    bench.work()
    bench.want(owner("o1"))
    bench.want(owner("o5"))
    bench.work()
    assert 3 == bench.lookup.waiting()
    del bench.api.answers["JobSet"]
    assert {"ml/o1", "ml/o2", "ml/o5"} == set(bench.after(600.0))

    bench.api.answers["JobSet"] = NotFound("not there")
    bench.want(*(owner(f"m{n}") for n in range(3)))
    bench.work()
    bench.want(*(owner(f"m{n}") for n in range(3)))
    assert ["ml/m0"] == bench.after(0.0)


def test_every_result_has_its_word() -> None:
    """Whoever publishes the results knows them all beforehand."""
    assert ("found", "missing", "forbidden", "error") == RESULTS


def _has(bench: Bench, name: str) -> bool:
    return name in bench.delivered


def test_its_thread(caplog: pytest.LogCaptureFixture) -> None:
    """It sleeps until something is wanted, and ends when told, even in the middle of its work."""
    bench = Bench()
    bench.lookup.start()
    for name in ("a", "b"):
        bench.want(owner(name))
        wait_for(partial(_has, bench, name), seconds=60, what=f"{name} to be delivered")
    bench.api.meanwhile = bench.lookup.stop
    bench.want(owner("c"), owner("d"))
    bench.lookup.join(20)

    assert ["a", "b", "c"] == bench.delivered
    assert [] == caplog.records


def test_stopped_before_it_began() -> None:
    """Nothing to wait for."""
    bench = Bench()
    bench.lookup.stop()
    bench.lookup.join(0)
    bench.lookup.run()

    assert [] == bench.api.asked
