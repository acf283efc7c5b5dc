"""`python -m demo.kubernetes`: serve a file of objects as a Kubernetes API server would."""

import argparse
import asyncio
import signal
import ssl
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from demo.kubernetes import objects, resources
from demo.kubernetes.errors import ApiServerError
from demo.kubernetes.server import create_app, serving
from demo.kubernetes.settings import Settings
from demo.kubernetes.store import Store


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until SIGINT or SIGTERM.

    Prints one line to stdout when it is ready: "ready", the URL, and how much it holds.

    Returns:
        0 after a signal, 1 when it could not start.
    """
    arguments = _parser().parse_args(argv)
    try:
        asyncio.run(_serve(arguments))
    except (ApiServerError, OSError) as error:
        print(f"demo.kubernetes: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.kubernetes", description=__doc__)
    add = parser.add_argument
    add("--listen", default="127.0.0.1:0", metavar="HOST:PORT", help="port 0 takes a free one")
    add("--objects", type=Path, action="append", default=[], metavar="FILE",
        help="objects to begin with: .json, .jsonl or YAML; may be repeated")  # fmt: skip
    add("--bookmark-interval", type=float, default=60.0, metavar="SECONDS")
    add("--event-history", type=int, default=1024, metavar="N",
        help="changes of each resource that a watch can be resumed from")  # fmt: skip
    add("--token-file", type=Path, metavar="FILE",
        help="good bearer tokens, one a line (kubectl sends them over TLS only)")  # fmt: skip
    add("--tls-cert", type=Path, metavar="FILE", help="certificate chain; needs --tls-key")
    add("--tls-key", type=Path, metavar="FILE")
    add("--kubeconfig-out", type=Path, metavar="FILE",
        help="write a kubeconfig that points here, with the first token")  # fmt: skip
    return parser


async def _serve(arguments: argparse.Namespace) -> None:
    store = Store(history=arguments.event_history)
    for path in arguments.objects:
        for content in objects.load(path):
            store.put(content)
    tokens = arguments.token_file.read_text().split() if arguments.token_file else []
    app = create_app(store, Settings(bookmark_interval=arguments.bookmark_interval), tokens=tokens)
    kubeconfig = None
    if arguments.kubeconfig_out is not None:
        kubeconfig = partial(
            write_kubeconfig,
            arguments.kubeconfig_out,
            tokens=tokens[:1],
            authority=arguments.tls_cert,
        )
    await serve_until_stopped(
        app, store, listen=arguments.listen, tls=_tls(arguments), write=kubeconfig
    )


async def serve_until_stopped(
    app: web.Application,
    store: Store,
    *,
    listen: str,
    tls: ssl.SSLContext | None = None,
    write: Callable[[str], None] | None = None,
) -> None:
    """Serve an application until SIGINT or SIGTERM; say on stdout when it is ready.

    Args:
        app: What to serve.
        store: What it serves, for the line that is printed.
        listen: host:port; port 0 takes a free one.
        tls: Serve HTTPS with this context.
        write: Is given the base URL as soon as it is known.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(app, listen=listen, tls=tls) as url:
        if write is not None:
            write(url)
        print(f"ready: {url} ({_summary(store)})", flush=True)
        await stop.wait()


def _tls(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    if arguments.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.tls_cert, arguments.tls_key)
    return context


def _summary(store: Store) -> str:
    nodes, pods = (store.count(resources.named(plural)) for plural in ("nodes", "pods"))
    return f"{nodes} nodes, {pods} pods"


def write_kubeconfig(
    path: Path, url: str, *, tokens: Sequence[str] = (), authority: Path | None = None
) -> None:
    """Write a kubeconfig for one cluster.

    Args:
        path: The file to write.
        url: The server's base URL.
        tokens: The bearer token to send, if any: at most the first is used.
        authority: Certificate that vouches for the server, for https.
    """
    cluster = {"server": url}
    if authority is not None:
        cluster["certificate-authority"] = str(authority.resolve())
    name = "demo"
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": tokens[0]} if tokens else {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    path.write_text(yaml.safe_dump(config, sort_keys=False))
