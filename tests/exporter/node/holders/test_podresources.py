"""The kubelet is asked over gRPC: here a server of gRPC's own library, which is not ours."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from demo.kubelet.server import Kubelet, claimed, granted
from exporter.errors import KubeletUnavailable
from exporter.node.holders.kubeletwire import Claimed, Granted, Listing, listing
from exporter.node.holders.podresources import PodResources

DEADLINE = 10.0  # for answers that come, on a busy machine too
SHORT = 0.5  # for those that do not


@pytest.fixture
def kubelet(tmp_path: Path) -> Iterator[Kubelet]:
    """A kubelet that listens."""
    with Kubelet(tmp_path / "kubelet.sock") as running:
        yield running


@contextmanager
def asking(
    path: Path, *, most_bytes: int = 16 << 20, deadline: float = DEADLINE
) -> Iterator[PodResources]:
    """Yield somebody who asks at a socket."""
    made = PodResources(path, deadline=deadline, most_bytes=most_bytes)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def client(kubelet: Kubelet) -> Iterator[PodResources]:
    """Somebody who asks this kubelet."""
    with asking(kubelet.socket) as made:
        yield made


def reason(client: PodResources) -> str:
    """Return why the kubelet was not heard."""
    with pytest.raises(KubeletUnavailable) as caught:
        client.list()
    return str(caught.value.reason)


def test_what_containers_have(kubelet: Kubelet, client: PodResources) -> None:
    """Devices of plugins and of claims are told, with all entries of a resource that is split."""
    kubelet.show(
        granted("a", ("nvidia.com/gpu", ["GPU-1", "GPU-2"]), ("nvidia.com/gpu", ["GPU-3::0"])),
        granted("idle"),
        claimed("b", "one-gpu", ("gpu.nvidia.com", "n1", "gpu-0")),
    )

    assert (
        Listing(
            granted=(
                Granted("ml", "a", "main", "nvidia.com/gpu", ("GPU-1", "GPU-2")),
                Granted("ml", "a", "main", "nvidia.com/gpu", ("GPU-3::0",)),
            ),
            claimed=(Claimed("ml", "b", "main", "one-gpu", "gpu.nvidia.com", "n1", "gpu-0", ""),),
        )
    ) == listing(client.list())


def test_a_refusal_passes(kubelet: Kubelet, client: PodResources) -> None:
    """After a refusal the next question is answered; each cause has a word of its own."""
    said = []
    for refusal in (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNKNOWN,
    ):
        kubelet.refusal = refusal
        said.append(reason(client))
    kubelet.refusal = None

    assert ["rate_limited", "denied", "other"] == said
    assert b"" == client.list()


def test_a_kubelet_that_hangs(kubelet: Kubelet) -> None:
    """Nobody waits longer than the deadline, and the next answer is the next question's."""
    kubelet.delay = 4 * SHORT
    with asking(kubelet.socket, deadline=SHORT) as client:
        late = reason(client)
        kubelet.delay = 0
        kubelet.show(granted("a", ("nvidia.com/gpu", ["GPU-1"])))
        told = listing(client.list())

    assert "deadline" == late
    assert told.granted


def test_a_kubelet_that_is_started_anew(kubelet: Kubelet, client: PodResources) -> None:
    """A new socket in the place of the old one is found at the next question, seen gone or not."""
    client.list()
    kubelet.stop()
    gone = reason(client)
    kubelet.start()
    client.list()
    kubelet.stop()
    kubelet.start()

    assert "no_socket" == gone
    assert b"" == client.list()
    assert 3 == kubelet.calls


def test_a_large_answer(kubelet: Kubelet) -> None:
    """10 MiB are an answer; more than the limit is refused before it fills the memory."""
    kubelet.say(b"x" * (10 << 20))
    with asking(kubelet.socket) as client:
        taken = len(client.list())
    with asking(kubelet.socket, most_bytes=1 << 20) as client:
        refused = reason(client)
        kubelet.say(b"")
        after = client.list()

    assert (10 << 20, "too_large", b"") == (taken, refused, after)


def test_a_kubelet_of_before_this_api(tmp_path: Path) -> None:
    """A server without List is said to be one."""
    with Kubelet(tmp_path / "s", serves=False) as kubelet, asking(kubelet.socket) as client:
        assert "unimplemented" == reason(client)


def test_nobody_listens(tmp_path: Path) -> None:
    """No socket is told from one that nobody listens at any more."""
    path = tmp_path / "s"
    with asking(path) as client:
        none = reason(client)
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(str(path))
        assert ("no_socket", "unavailable") == (none, reason(client))


def test_somebody_else_listens(tmp_path: Path) -> None:
    """What answers without speaking gRPC costs the deadline at most."""
    said = b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10

    path = tmp_path / "s"
    with listening(path, lambda peer: peer.sendall(said)), asking(path, deadline=SHORT) as client:
        assert reason(client) in {"unavailable", "deadline"}


def test_the_name_a_kubelet_is_called_by(tmp_path: Path) -> None:
    """It is localhost, never the path of the socket, which strict servers refuse."""
    seen: list[dict[bytes, bytes]] = []

    def answer(peer: socket.socket) -> None:
        connection = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        while not seen and (data := peer.recv(1 << 16)):
            events = connection.receive_data(data)
            seen.extend(dict(it.headers) for it in events if isinstance(it, RequestReceived))

    path = tmp_path / "s"
    with listening(path, answer), asking(path, deadline=2) as client:
        reason(client)
    assert [(b"localhost", b"/v1.PodResourcesLister/List")] == [
        (headers[b":authority"], headers[b":path"]) for headers in seen
    ]


@contextmanager
def listening(path: Path, manners: Callable[[socket.socket], None]) -> Iterator[None]:
    """Run a server that treats its first caller so, and hangs up."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        # A caller that gave up before is not waited for without end.
        server.settimeout(20)

        def serve() -> None:
            with suppress(TimeoutError):
                peer, _ = server.accept()
                with peer:
                    manners(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()
