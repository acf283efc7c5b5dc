"""Who holds a device, as a scrape reads it: from a real kubelet's answer to the series."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo.kubelet.messages import Response
from demo.kubelet.server import Kubelet, claimed, granted
from demo.processes import wait_for
from exporter.exposition import Samples
from exporter.node.holders.cgroups import Processes
from exporter.node.holders.finder import Finder, Sources
from exporter.node.holders.podresources import PodResources
from exporter.node.holders.poller import Poller
from exporter.node.holding import Held, Part, Place, samples

GPU = "nvidia.com/gpu"
GOLDEN = Path(__file__).with_name("golden.prom")
PLACES = (
    Place("GPU-a", 0, 0),
    Place("GPU-b", 1, 1),
    Place("GPU-c", 2, 2, (Part("MIG-x", 1, 0, 0), Part("MIG-y", 2, 0, 1))),
    Place("GPU-d", 3, 3),
)
OWN = ("gpu_exporter_podresources_", "gpu_exporter_ambiguous_devices 0")


@dataclass(frozen=True)
class FakePod:
    """A pod as the API knows it."""

    name: str
    uid: str = ""
    ended: bool = False
    namespace: str = "ml"


@dataclass(frozen=True)
class FakeKnowledge:
    """Knows these pods and devices."""

    pods: tuple[FakePod, ...] = ()
    devices: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    def start(self) -> None:
        """Need nothing."""

    def stop(self) -> None:
        """Need nothing."""

    def trouble(self) -> str | None:
        """Have none."""
        return None

    def find(self, driver: str, pool: str, device: str) -> str | None:
        """Look it up."""
        return self.devices.get((driver, pool, device))

    def pod(self, namespace: str, name: str) -> FakePod | None:
        """Look it up."""
        return next((p for p in self.pods if (p.namespace, p.name) == (namespace, name)), None)

    def pod_of_uid(self, uid: str) -> FakePod | None:
        """Look it up."""
        return next((pod for pod in self.pods if pod.uid == uid), None)


@dataclass(frozen=True)
class Saying:
    """A kubelet that says one thing."""

    answer: bytes

    def list(self) -> bytes:
        """Say it."""
        return self.answer

    def close(self) -> None:
        """Need nothing."""


def polled(*pods: object) -> Poller:
    """Return a poller whose kubelet has said these pods."""
    made = Poller(Saying(Response(pod_resources=pods).SerializeToString()), interval=10, max_age=60)
    made.poll()
    return made


def lines(held: Held) -> list[str]:
    """Return what a scrape reads, comments and what is always the same left out."""
    page = Samples()
    for family, labels, value in samples(held, PLACES, "n1"):
        page.add(family, labels, value)
    return [
        line for line in page.page().body.decode().splitlines() if not line.startswith(("#", *OWN))
    ]


def told(sources: Sources) -> list[str]:
    """Return what a scrape reads of who holds these places."""
    return lines(Finder(sources).held(PLACES))


def test_the_join_series() -> None:
    """Every holder is a series of its own beside the device's, and every device held or not."""
    sources = Sources(
        "n1",
        polled(
            granted("a", (GPU, ["GPU-a"])),
            granted("b", (f"{GPU}.shared", ["GPU-b::0"])),
            granted("c", (f"{GPU}.shared", ["GPU-b::1"]), container='"c"'),
            granted("d", ("nvidia.com/mig-1g.10gb", ["MIG-y"])),
            granted("e", ("nvidia.com/gpu", ["GPU-gone"]), ("vendor.example/nic", ["eth0"])),
        ),
    )

    assert GOLDEN.read_text().splitlines() == told(sources)


def holders(sources: Sources) -> dict[str, list[tuple[str, str]]]:
    """Return pods and their UIDs by the GPU they hold."""
    found: dict[str, list[tuple[str, str]]] = {}
    for (uuid, _), them in (Finder(sources).held(PLACES).pods or {}).items():
        found.setdefault(uuid, []).extend((each.pod, each.uid) for each in them)
    return found


def test_pods_that_have_ended() -> None:
    """An old kubelet still lists them: with the API they hold nothing."""
    poller = polled(granted("past", (GPU, ["GPU-a", "GPU-b"])), granted("now", (GPU, ["GPU-a"])))
    known = FakeKnowledge((FakePod("past", "u1", ended=True), FakePod("now", "u2")))

    assert {"GPU-a": [("now", "u2")]} == holders(Sources("n1", poller, knowledge=known))


def test_two_pods_with_one_device() -> None:
    """Without the API nobody can tell which is past: neither holder nor a state is published."""
    poller = polled(granted("one", (GPU, ["GPU-a"])), granted("other", (GPU, ["GPU-a"])))
    held = Finder(Sources("n1", poller)).held(PLACES)

    assert ({}, {"GPU-b": False, "GPU-c": False, "GPU-d": False}) == (held.pods, held.allocated)
    assert [1] == [value for family, _, value in held.own if "ambiguous" in family.name]

    known = FakeKnowledge((FakePod("other", "u2"),))
    assert {"GPU-a": [("other", "u2")]} == holders(Sources("n1", poller, knowledge=known))


def test_a_device_held_whole_and_in_parts() -> None:
    """Of a pod that has all of a device and one that has a part, one is past: the API knows."""
    poller = polled(
        granted("whole", (GPU, ["GPU-c"])),
        granted("part", (GPU, ["MIG-x"])),
        granted("other", (GPU, ["MIG-y"])),
    )
    whole, part, other = (FakePod(name, name[0]) for name in ("whole", "part", "other"))

    def found(*pods: FakePod) -> object:
        held = Finder(Sources("n1", poller, knowledge=FakeKnowledge(pods))).held(PLACES)
        assert held.pods is not None
        ambiguous = [value for family, _, value in held.own if "ambiguous" in family.name]
        names = {part: them[0].pod for (_, part), them in held.pods.items()}
        return names, ambiguous, held.allocated.get("GPU-c")

    assert ({}, [3], None) == found()
    assert ({1: "part", 2: "other"}, [0], True) == found(part, other)
    assert ({None: "whole"}, [0], True) == found(whole)
    assert ({}, [2], None) == found(whole, part)


def test_claimed_devices() -> None:
    """With the API a claimed device is a GPU or a part; without it is counted, not guessed."""
    driver = "gpu.nvidia.com"
    poller = polled(
        claimed("a", "whole", (driver, "n1", "gpu-0")),
        claimed("b", "both", (driver, "n1", "gpu-2-mig"), (driver, "n1", "gpu-9")),
        claimed("c", "whole", (driver, "n1", "gpu-0"), ("nic.example", "n1", "eth0")),
    )
    known = FakeKnowledge(
        devices={(driver, "n1", "gpu-0"): "GPU-a", (driver, "n1", "gpu-2-mig"): "MIG-x"}
    )

    held = Finder(Sources("n1", poller, knowledge=known)).held(PLACES).pods or {}
    assert {("GPU-a", None): ["a whole dra", "c whole dra"], ("GPU-c", 1): ["b both dra"]} == {
        device: [f"{each.pod} {each.claim} {each.source}" for each in them]
        for device, them in held.items()
    }
    assert ['gpu_exporter_unmatched_devices{resource="gpu.nvidia.com"} 4'] == [
        line for line in told(Sources("n1", poller)) if "unmatched" in line
    ]


def test_resources_of_other_names() -> None:
    """A resource that was renamed counts once it is given as a pattern of the whole name."""
    poller = polled(granted("a", ("example.com/gpu", ["GPU-a"]), ("example.com/gpus", ["GPU-b"])))

    assert {"GPU-a": [("a", "")]} == holders(Sources("n1", poller, (r"example\.com/gpu",)))


UIDS = ("1f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8", "2f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8")


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    """Processes 10 and 20 of two pods, and 30 of nobody's."""
    for pid, group in {10: f"/pod{UIDS[0]}/c", 20: f"/pod{UIDS[1]}/c", 30: "/user.slice"}.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(f"0::{group}\n")
    return Processes(tmp_path)


def test_pods_by_their_processes(processes: Processes) -> None:
    """A pod that uses what the kubelet did not give it is told by its UID, with the API by name."""
    used = (
        Place("GPU-a", 0, pids=frozenset({10, 30})),
        Place("GPU-c", 2, 2, (Part("MIG-x", 1, 0, pids=frozenset({20})),), frozenset({20, 99})),
    )
    poller = polled(granted("a", (GPU, ["GPU-a"])))
    known = FakeKnowledge((FakePod("a", UIDS[0]), FakePod("b", UIDS[1])))

    def found(knowledge: FakeKnowledge | None, poller: Poller | None) -> object:
        finder = Finder(Sources("n1", poller, knowledge=knowledge, processes=processes))
        finder.held(used)
        finder.look()
        held = finder.held(used)
        assert [1, 0] == [value for family, _, value in held.own if "outside" in family.name]
        return held.allocated, {
            device: [(each.pod, each.uid[:2], each.source) for each in them]
            for device, them in (held.pods or {}).items()
        }

    assert (
        {"GPU-a": True, "GPU-c": True},
        {("GPU-a", None): [("a", "1f", "podresources")], ("GPU-c", 1): [("b", "2f", "process")]},
    ) == found(known, poller)
    assert (
        {},
        {("GPU-a", None): [("", "1f", "process")], ("GPU-c", 1): [("", "2f", "process")]},
    ) == found(None, None)


@contextmanager
def working(sources: Sources) -> Iterator[Finder]:
    """Yield a finder that looks by itself."""
    finder = Finder(sources)
    finder.start()
    try:
        yield finder
    finally:
        finder.stop()


def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    wait_for(condition, seconds=60, what="the finder")


def test_a_finder_at_work(tmp_path: Path) -> None:
    """It finds pods and jobs by itself, and says nothing of pods once the kubelet is long gone."""
    (tmp_path / "1").write_text("job-7\n")
    with Kubelet(tmp_path / "s") as kubelet:
        kubelet.show(granted("a", (GPU, ["GPU-a"])))
        poller = Poller(PodResources(kubelet.socket), interval=0.02, max_age=0.3)
        with working(Sources("n1", poller, jobs=tmp_path, interval=0.02)) as finder:
            until(lambda: finder.held(PLACES).allocated.get("GPU-a") is True)
            until(lambda: {("GPU-b", None): ("job-7",)} == finder.held(PLACES).jobs)
            rows = finder.held(PLACES).tables[0].rows
            kubelet.stop()
            until(lambda: finder.held(PLACES).pods is None)
            gone = finder.held(PLACES)
            kubelet.start()
            until(lambda: finder.held(PLACES).allocated.get("GPU-a") is True)

    assert ("kubelet", "answers") == rows[0]
    assert ({}, "no kubelet listens") == (gone.allocated, gone.tables[0].rows[0][1][:18])
    assert ['gpu_device_job_info{uuid="GPU-b",gpu="1",node="n1",job="job-7"} 1'] == (lines(gone))
