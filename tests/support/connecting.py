"""A real client connected to a URL: the fixture `connect`."""

from collections.abc import Callable
from pathlib import Path

from demo.kubernetes.cli import write_kubeconfig
from exporter.cluster.api.transport import ApiServer
from tests.support.fake_source import Clock

Connect = Callable[..., ApiServer]
"""`connect(url)` and the options of `connected`."""


def connected(
    folder: Path, url: str, *, token: str = "", authority: Path | None = None, silence: float = 20.0
) -> ApiServer:
    """Connect to a URL by a kubeconfig in *folder*; the arguments are the transport's."""
    path = folder / "config"
    write_kubeconfig(path, url, tokens=[token] if token else [], authority=authority)
    server = ApiServer(path, Clock(), silence=silence)
    server.connect()
    return server
