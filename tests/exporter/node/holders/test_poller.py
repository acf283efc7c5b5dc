"""What the kubelet said stands for a while, then nothing is said."""

from dataclasses import dataclass, field

from demo.kubelet.messages import Response
from demo.kubelet.server import granted
from exporter.errors import KubeletUnavailable
from exporter.exposition import Samples
from exporter.node.holders.kubeletwire import Listing
from exporter.node.holders.poller import Poller

ANSWER: bytes = Response(
    pod_resources=[granted("a", ("nvidia.com/gpu", ["GPU-a"]))]
).SerializeToString()


@dataclass(eq=False)
class FakeKubelet:
    """Says what it is told to, and takes a quarter of a second for it."""

    says: list[bytes | str] = field(default_factory=list)
    now: float = 1000.0
    closed: bool = False

    def list(self) -> bytes:
        """Return the next thing to say, or fail for the next reason."""
        self.now += 0.25
        said = self.says.pop(0)
        if isinstance(said, str):
            raise KubeletUnavailable(f"it is {said}", reason=said)
        return said

    def close(self) -> None:
        """Remember."""
        self.closed = True


def polling(*says: bytes | str) -> tuple[Poller, FakeKubelet]:
    """Return a poller of a kubelet that says this."""
    kubelet = FakeKubelet(list(says))
    return (
        Poller(
            kubelet,
            interval=10,
            max_age=60,
            clock=lambda: kubelet.now,
            monotonic=lambda: kubelet.now,
        ),
        kubelet,
    )


def test_an_answer_stands_for_its_age() -> None:
    """Failures do not take back what was said before it is too old; then it is gone."""
    poller, kubelet = polling(ANSWER, "unavailable")
    poller.poll()
    poller.poll()
    before = poller.listing()
    kubelet.now += 61

    assert before is not None
    assert ["GPU-a"] == [text for each in before.granted for text in each.ids]
    assert poller.listing() is None


def test_an_empty_answer_is_one() -> None:
    """A node without pods is known to have none."""
    poller, _ = polling(b"")
    poller.poll()

    assert Listing() == poller.listing()


def test_failures_are_asked_less_and_less() -> None:
    """Pauses double up to a minute, and are as before after the first success."""
    poller, _ = polling(*["rate_limited"] * 5, ANSWER, "deadline")

    assert [10, 20, 40, 60, 60, 10, 10] == [poller.poll() for _ in range(7)]


def test_where_there_is_no_kubelet() -> None:
    """A kubelet that comes late is found within one interval."""
    poller, _ = polling(*["no_socket"] * 9)

    assert {10} == {poller.poll() for _ in range(9)}


def test_what_is_told_of_the_asking() -> None:
    """Success, age, duration, and failures by reason, all reasons from the start."""
    poller, _ = polling(ANSWER, b"\xff", "no_socket")
    for _ in range(3):
        poller.poll()
    samples = Samples()
    for family, labels, value in poller.own():
        samples.add(family, labels, value)
    lines = [
        line.removeprefix("gpu_exporter_podresources_")
        for line in samples.page().body.decode().splitlines()
        if not line.startswith("#")
    ]

    assert [
        "up 0",
        "last_success_timestamp_seconds 1000.25",
        "duration_seconds 0.25",
        'failures_total{reason="no_socket"} 1',
        'failures_total{reason="denied"} 0',
        'failures_total{reason="unavailable"} 0',
        'failures_total{reason="deadline"} 0',
        'failures_total{reason="rate_limited"} 0',
        'failures_total{reason="unimplemented"} 0',
        'failures_total{reason="too_large"} 0',
        'failures_total{reason="malformed"} 1',
        'failures_total{reason="other"} 0',
    ] == lines
    assert "it is no_socket" == poller.trouble
