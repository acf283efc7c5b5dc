"""Kubernetes' Warning events: from their JSON to counters and happenings."""

from collections.abc import Iterable
from threading import Lock
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cluster.events import kubeevents
from exporter.cluster.events.journal import Journal
from exporter.cluster.events.kubeevents import KubeEvent, KubeWarnings
from exporter.cluster.events.reasons import KINDS, REASONS
from exporter.cluster.intake import Intake
from exporter.cluster.objects import wire
from tests.support.objects import EPOCH, Object

NOW = EPOCH + 86_400.0
POD = {"kind": "Pod", "namespace": "ml", "name": "p1", "uid": "uid-p1"}
NODE = {"kind": "Node", "name": "n1", "uid": "n1"}


def at(seconds: int) -> str:
    """Return so many seconds after midnight, as Kubernetes writes it."""
    return f"2026-01-01T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"


def event(
    uid: str = "e1",
    reason: str | None = "BackOff",
    *,
    about: Object = POD,
    count: int | str | None = 1,
    last: int | None = 10,
    **members: Any,
) -> Object:
    """Return an Event.

    Args:
        uid: Its UID.
        reason: Its reason.
        about: The object it is about.
        count: How often it happened.
        last: When it last did, in seconds after midnight.
        **members: Further or other members.
    """
    return {
        "metadata": {
            "name": f"p1.{uid}",
            "namespace": "ml",
            "uid": uid,
            "creationTimestamp": at(0),
        },
        "involvedObject": about,
        "type": "Warning",
        "reason": reason,
        "message": "Back-off restarting failed container",
        "count": count,
        "firstTimestamp": at(0),
        "lastTimestamp": None if last is None else at(last),
        "source": {"component": "kubelet", "host": "n1"},
    } | members


class Followed:
    """Warnings that are followed as an API server tells of them.

    Attributes:
        gpus: Names of the pods and nodes that have to do with GPUs.
        warnings: What is told of them.
    """

    def __init__(self, *, most: tuple[int, int] = (50_000, 1_000), limit: int = 10) -> None:
        self.gpus = {"p1", "n1"}
        self.journal = Journal(limit)
        self.warnings = KubeWarnings(self.journal, lambda: NOW, self._about_gpus, most=most)
        self.intake = Intake(
            "events",
            convert=lambda raw: kubeevents.from_wire(wire.decode(raw, kubeevents.EVENT)),
            put=self.warnings.put,
            drop=self.warnings.drop,
            replace=self.warnings.replace,
            lock=Lock(),
        )

    def relist(self, *events: Object) -> "Followed":
        """Tell that these events are all there are."""
        self.intake.replace([[_raw(it) for it in events]])
        return self

    def tell(self, *events: Object) -> "Followed":
        """Tell of new or changed events."""
        for it in events:
            self.intake.upsert(_raw(it))
        return self

    def forget(self, *events: Object) -> "Followed":
        """Tell that these events are deleted."""
        for it in events:
            self.intake.remove(_raw(it))
        return self

    @property
    def counted(self) -> dict[tuple[str, str], int]:
        """What was counted, by kind and reason."""
        return dict(self.warnings.counts)

    @property
    def written(self) -> list[tuple[float, str, str, str, str]]:
        """Seconds after midnight, id, type, object and message of what is kept, newest first."""
        self.warnings.settle()
        return [
            (it.when - EPOCH, it.id, it.type, it.object, it.message)
            for it in self.journal.newest_first()
        ]

    def _about_gpus(self, event: KubeEvent) -> bool:
        return event.kind in {"Pod", "Node"} and event.name in self.gpus


def _raw(it: Object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(it))


def followed(*events: Object) -> Followed:
    """Return what is told of events that come after an empty first list."""
    return Followed().relist().tell(*events)


def record(**members: Any) -> KubeEvent:
    """Return the record of an event with these members."""
    return kubeevents.from_wire(wire.decode(_raw(event(**members)), kubeevents.EVENT))


BACKOFF = ("Pod", "BackOff")
MESSAGE = "Back-off restarting failed container"


def test_a_warning_about_a_gpu_pod() -> None:
    """It is counted, and written down under its reason."""
    told = followed(event())

    assert {BACKOFF: 1} == told.counted
    assert [(10, "Warning/e1", "BackOff", "ml/p1", MESSAGE)] == told.written


def test_a_warning_about_a_gpu_node() -> None:
    """A node has no namespace, and its name for a UID."""
    told = followed(event(reason="NodeNotReady", about=NODE))

    assert {("Node", "NodeNotReady"): 1} == told.counted
    assert [(10, "Warning/e1", "NodeNotReady", "n1", MESSAGE)] == told.written


def test_a_warning_about_something_else() -> None:
    """It is counted, but not among the happenings of GPUs."""
    told = followed(event(about=POD | {"name": "web"}), event("e2", about={"kind": "Job"}))

    assert {BACKOFF: 1, ("Job", "BackOff"): 1} == told.counted
    assert [] == told.written


def test_what_is_no_warning() -> None:
    """An API server that ignores the selector changes nothing."""
    told = followed(event(type="Normal"))

    assert {} == told.counted
    assert [] == told.written
    assert {BACKOFF: 1} == followed(event(type=None)).counted


def test_made_up_kinds_and_reasons() -> None:
    """They are counted together, lest they make series; the journal says what was written."""
    told = followed(
        *(event(f"e{i}", f"Mine{i}", about=POD | {"kind": f"Kind{i}"}) for i in range(50)),
        event("x", "My\nReason"),
    )

    assert {("other", "other"): 50, ("Pod", "other"): 1} == told.counted
    assert [(10, "Warning/x", "Warning", "ml/p1", f"My Reason: {MESSAGE}")] == told.written


def test_the_number_of_series_is_bounded() -> None:
    """Whatever is told, there are no more than these kinds times these reasons, and others."""
    assert (len(KINDS) + 1) * (len(REASONS) + 1) < 3_000


def test_the_same_thing_again() -> None:
    """What is added is what happened since; the happening moves to its newest time."""
    told = followed(event(), event(count=4, last=20), event(count=4, last=20))

    assert {BACKOFF: 4} == told.counted
    assert [(20, "Warning/e1", "BackOff", "ml/p1", MESSAGE)] == told.written


def test_an_older_version_comes_late() -> None:
    """It takes nothing back and adds nothing."""
    told = followed(event(count=4, last=20), event(count=2, last=15), event(count=5, last=25))

    assert {BACKOFF: 5} == told.counted
    assert [25] == [when for when, *_ in told.written]


def test_the_first_list() -> None:
    """What it brings is written down; it is counted as 0, from where the next one counts."""
    told = Followed().relist(event(count=7))

    assert {BACKOFF: 0} == told.counted
    assert [(10, "Warning/e1", "BackOff", "ml/p1", MESSAGE)] == told.written

    told.tell(event(count=9, last=20))

    assert {BACKOFF: 2} == told.counted


def test_a_later_list() -> None:
    """It brings what happened while the watch was broken, no more."""
    told = followed(event(count=2), event("gone", "Evicted"))
    told.relist(event(count=5, last=20), event("new", count=3))

    assert {BACKOFF: 8 - 2 + 2, ("Pod", "Evicted"): 1} == told.counted
    assert 3 == len(told.written)


def test_a_deleted_event_has_happened_all_the_same() -> None:
    """Its time to live ends; neither counter nor journal forgets, but memory does."""
    told = followed(event()).forget(event())

    assert {BACKOFF: 1} == told.counted
    assert 1 == len(told.written)
    assert {} == told.warnings._known


def test_an_event_that_is_told_anew_after_its_deletion() -> None:
    """A component that goes on counting where a deleted event ended counts once."""
    resumed = event("e2", count=41)
    resumed["metadata"] |= {"creationTimestamp": at(7200)}
    told = followed(event(count=40)).forget(event(count=40)).tell(resumed)

    assert {BACKOFF: 41} == told.counted


def test_memory_is_bounded() -> None:
    """An API server that never deletes events costs no more; what comes back counts once."""
    told = Followed(most=(3, 2)).relist()
    told.gpus.clear()
    told.tell(*(event(f"e{i}", count=5) for i in range(10)), event("e0", count=6))

    assert {BACKOFF: 4 * 5 + 6 * 1 + 1} == told.counted
    assert 3 == len(told.warnings._known)
    assert 2 == len(told.warnings._unsettled)

    told.relist()

    assert 0 == len(told.warnings._known) + len(told.warnings._unsettled)


def test_an_event_that_comes_before_what_it_is_about() -> None:
    """It is written down once its pod turns out to ask for GPUs, as last told."""
    told = Followed()
    told.gpus.clear()
    told.relist(event("e1", "FailedScheduling")).tell(
        event("e1", "FailedScheduling", count=2, last=30),
        event("e1", "FailedScheduling", count=1, last=20),
        event("e2", about=POD | {"name": "web"}),
    )

    assert [] == told.written

    told.gpus.add("p1")

    assert [(30, "Warning/e1", "FailedScheduling", "ml/p1", MESSAGE)] == told.written
    assert ["e2"] == list(told.warnings._unsettled)


def test_an_event_that_is_deleted_before_what_it_is_about_comes() -> None:
    """Nobody is kept waiting for."""
    told = followed(event(about=POD | {"name": "web"}))
    told.forget(event()).gpus.add("web")

    assert [] == told.written


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:40.250000Z"}}, 40.25),
        ({"series": {"count": 2}}, 30),
        ({}, 30),
        ({"last": None}, 20.5),
        ({"last": None, "eventTime": None}, 0),
        ({"lastTimestamp": "2026-01-01T01:00:30+01:00"}, 30),
    ],
    ids=["series", "series without a time", "last", "event time", "creation", "another zone"],
)
def test_when_it_happened(members: Object, expected: float) -> None:
    """The newest of the times that the APIs' two generations write."""
    times = {"last": 30, "eventTime": "2026-01-01T00:00:20.500000Z"}

    assert expected == record(**(times | members)).when - EPOCH


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"count": None}, 1),
        ({"count": 0}, 1),
        ({"count": -5}, 1),
        ({"count": None, "series": {"count": 6}}, 6),
        ({"count": 7, "series": None}, 7),
    ],
    ids=["none", "zero", "negative", "of the series", "of its own"],
)
def test_how_often_it_happened(members: Object, expected: int) -> None:
    """At least once, or nobody had told."""
    assert expected == record(**members).count


def test_an_event_of_the_future() -> None:
    """Whoever writes a time to come does not stay the newest until then."""
    told = followed(event(lastTimestamp="2999-01-01T00:00:00Z"))

    assert [NOW - EPOCH] == [when for when, *_ in told.written]


@pytest.mark.parametrize(
    "broken",
    [
        event(lastTimestamp="yesterday"),
        event(lastTimestamp="2026-01-01T00:00:00"),
        event(count="many"),
        event(metadata={"name": "e1", "uid": "e1"}, last=None),
        event(involvedObject=7),
    ],
    ids=["no time", "a time of no zone", "no number", "without any time", "about nothing"],
)
def test_an_event_that_makes_no_sense(broken: Object) -> None:
    """It is left out and counted as malformed; the next one is told."""
    told = followed(broken, event("e2"))

    assert 1 == told.intake.malformed
    assert {BACKOFF: 1} == told.counted


def test_an_event_of_which_little_is_told() -> None:
    """Nulls are no values."""
    bare = event(involvedObject={}, reason=None, message=None, count=None, firstTimestamp=None)

    assert {("other", "other"): 1} == followed(bare).counted


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("two\nlines\t\x00\u2028of text", "two lines of text"),
        ('say "hello" \\n', 'say "hello" \\n'),
        ("x" * 10_240, "x" * 199 + "…"),
    ],
    ids=["lines", "quotes", "long"],
)
def test_hostile_messages(message: str, expected: str) -> None:
    """They are put on one short line."""
    assert [expected] == [it[-1] for it in followed(event(message=message)).written]


def test_half_a_character() -> None:
    """It has no meaning in JSON, and spoils its own event only."""
    told = followed(event())
    told.intake.upsert(
        msgspec.Raw(bytes(_raw(event("e2", message="HALF"))).replace(b"HALF", rb"\ud800 half"))
    )

    assert 1 == told.intake.malformed
    assert {BACKOFF: 1} == told.counted


def test_hostile_names() -> None:
    """An event may claim to be about anything."""
    told = followed(event(about=POD | {"namespace": "m\nl" * 999}))

    assert 317 == len(told.written[0][3])


def test_the_version_moves_with_the_counts() -> None:
    """Whoever renders them needs to do so only then."""
    told = followed(event())
    version = told.warnings.version

    assert version == told.tell(event()).warnings.version
    assert version < told.tell(event(count=2)).warnings.version


def test_a_burst() -> None:
    """Ten thousand warnings at once are counted one by one, the newest are kept."""
    told = followed(*(event(f"e{i}", last=i) for i in range(10_000)))

    assert {BACKOFF: 10_000} == told.counted
    assert [9999.0, 9990.0] == [told.written[i][0] for i in (0, -1)]
    assert 9_990 == told.journal.dropped


versions = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(1, 9)), max_size=20)
"""Events by UID and count; the count says which version of an event it is."""


def of_versions(drawn: Iterable[tuple[str, int]]) -> list[Object]:
    """Return these versions of events; each time they happen it is later."""
    return [event(uid, count=count, last=count) for uid, count in drawn]


@given(versions, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(drawn: list[tuple[str, int]], random: Any) -> None:
    """However versions are mixed and repeated, the same is counted and kept."""
    shuffled = drawn * 2
    random.shuffle(shuffled)
    newest = {uid: max(count for it, count in drawn if it == uid) for uid, _ in drawn}
    told = followed(*of_versions(shuffled))

    assert sum(newest.values()) == told.warnings.counts.total()
    assert sorted(newest.items()) == sorted(
        (identity.removeprefix("Warning/"), when) for when, identity, *_ in told.written
    )


@given(versions, st.lists(st.sampled_from(["relist", "tell", "forget"]), max_size=20))
def test_counters_never_go_down(drawn: list[tuple[str, int]], how: list[str]) -> None:
    """Lists, changes and deletions in any order only add."""
    told = Followed(most=(3, 2), limit=2)
    before = 0
    for what, it in zip(how, of_versions(drawn), strict=False):
        getattr(told, what)(it)
        assert before <= told.warnings.counts.total()
        before = told.warnings.counts.total()
