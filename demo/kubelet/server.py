"""Serves PodResources at a unix socket with gRPC's own library."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import grpc

from demo.kubelet.messages import Response

SERVICE = "v1.PodResourcesLister"


@dataclass(eq=False)
class Kubelet:
    """A kubelet, for the length of a `with` block; set how it behaves at any time.

    Args:
        socket: Where it listens.
        refusal: It refuses so.
        delay: It answers so many seconds late.
        serves: Whether it knows List at all.
        pool: Where its calls are answered; None = threads of its own.

    Attributes:
        calls: Calls of List that came in.
    """

    socket: Path
    refusal: grpc.StatusCode | None = None
    delay: float = 0.0
    serves: bool = True
    pool: ThreadPoolExecutor | None = None
    calls: int = 0
    _answer: bytes = b""
    _server: Any = None

    def show(self, *pods: Any) -> None:
        """Answer these pods, messages or dicts, from now on."""
        self._answer = Response(pod_resources=pods).SerializeToString()

    def say(self, answer: bytes) -> None:
        """Answer these bytes from now on."""
        self._answer = answer

    def start(self) -> None:
        """Begin to listen; a socket that an earlier one has left behind is replaced."""
        self.socket.unlink(missing_ok=True)
        self._server = grpc.server(self.pool or ThreadPoolExecutor(4))
        if self.serves:
            self._server.add_generic_rpc_handlers((self._handler(),))
        self._server.add_insecure_port(f"unix:{self.socket}")
        self._server.start()

    def stop(self) -> None:
        """Break off every connection and take the socket away."""
        self._server.stop(None).wait()
        self.socket.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _handler(self) -> Any:
        # Neither is given a serializer: bytes come in and bytes go out.
        listing = grpc.unary_unary_rpc_method_handler(self._list)
        return grpc.method_handlers_generic_handler(SERVICE, {"List": listing})

    def _list(self, _: bytes, context: Any) -> bytes:
        self.calls += 1
        if self.delay:
            time.sleep(self.delay)
        if self.refusal is not None:
            context.abort(self.refusal, "rejected by rate limit")
        return self._answer


def granted(
    name: str, *devices: tuple[str, Iterable[str]], namespace: str = "ml", container: str = "main"
) -> dict[str, Any]:
    """Return a pod of one container that has devices: of each resource their ids."""
    return {
        "namespace": namespace,
        "name": name,
        "containers": [
            {
                "name": container,
                "cpu_ids": range(8),
                "devices": [
                    {
                        "resource_name": resource,
                        "device_ids": list(ids),
                        "topology": {"nodes": [{"ID": numa}]},
                    }
                    for numa, (resource, ids) in enumerate(devices)
                ],
            }
        ],
    }


def claimed(
    name: str, claim: str, *devices: tuple[str, str, str], namespace: str = "ml"
) -> dict[str, Any]:
    """Return a pod of one container that has devices by a claim: driver, pool and name of each."""
    return {
        "namespace": namespace,
        "name": name,
        "containers": [
            {
                "name": "main",
                "dynamic_resources": [
                    {
                        "claim_name": claim,
                        "claim_namespace": namespace,
                        "claim_resources": [
                            {
                                "cdi_devices": [{"name": f"k8s.{driver}/claim={device}"}],
                                "driver_name": driver,
                                "pool_name": pool,
                                "device_name": device,
                            }
                            for driver, pool, device in devices
                        ],
                    }
                ],
            }
        ],
    }
