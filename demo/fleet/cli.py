"""`python -m demo.fleet living|packed|timeline|large`: a Kubernetes API server with a fleet.

A timeline stands still at `--at` unless `--speed` moves it; `POST /_demo/timeline` with
`{"until": SECOND}` takes it forward at any time. A living fleet shows what a node_exporter on a
node would: `GET /_demo/hosts/NODE/metrics`; `POST /_demo/ailments` with `{"node": NODE, "gpu":
INDEX, "fault": NAME}` lets something befall a device, null = it is well again. A large fleet
changes when it is told to: `POST /_demo/large` with `{"changes": COUNT}`, or with `{"sentinel":
NAME}` for a pod to look out for.
"""

import argparse
import asyncio
import itertools
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from aiohttp import web

from demo.fleet import hosts, replay, trace
from demo.fleet.drivers import Drivers
from demo.fleet.hosts import Hosts
from demo.fleet.kubelets import Kubelets
from demo.fleet.large import LargeFleet
from demo.fleet.living import LivingFleet
from demo.fleet.replay import Change, Put, Timeline
from demo.fleet.residents import FAULTY, ILLEGAL_ACCESS
from demo.kubernetes import entries
from demo.kubernetes.cli import serve_until_stopped, write_kubeconfig
from demo.kubernetes.errors import ApiServerError
from demo.kubernetes.resources import named
from demo.kubernetes.server import create_app
from demo.kubernetes.settings import Settings
from demo.kubernetes.store import Store
from demo.nvml.happenings import Event, EventKind

_TICK_SECONDS = 1.0
_FAULTY_TICKS = 60
_BOOKMARK_SECONDS = 15.0
_NODES = named("Node")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the fleet until SIGTERM or SIGINT; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_serve(options))
    except (ApiServerError, OSError) as error:
        print(f"demo.fleet: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:
    store = Store(history=10_000)
    app = create_app(store, Settings(bookmark_interval=options.bookmark_interval))
    options.stage(options, store, app)
    write = partial(write_kubeconfig, options.kubeconfig_out) if options.kubeconfig_out else None
    await serve_until_stopped(app, store, listen=options.listen, write=write)


def apply(store: Store, changes: Iterable[Change]) -> None:
    """Write changes into the store."""
    for change in changes:
        if isinstance(change, Put):
            store.put(change.content)
        else:
            store.delete(change.kind, change.namespace, change.name)


def _stage_living(options: argparse.Namespace, store: Store, app: web.Application) -> None:
    fleet = LivingFleet(random.Random(options.seed))
    drivers = Drivers(options.drivers, fleet.machines) if options.drivers else None
    kubelets = Kubelets(options.pods, fleet.machines) if options.pods else None
    nodes = Hosts(fleet.machines, time.time())
    ticks = itertools.count(1)

    def show() -> None:
        nodes.show(hosts.loads(fleet.machines, fleet.work()), time.time())
        if drivers:
            drivers.show(fleet.busy_devices())
        if kubelets:
            kubelets.show(fleet.held())

    def tick() -> None:
        apply(store, fleet.tick(time.time()))
        faulty = fleet.device_of(FAULTY.key)
        if drivers and faulty and next(ticks) % _FAULTY_TICKS == 0:
            drivers.happen(*faulty, Event(EventKind.XID, ILLEGAL_ACCESS))
        show()

    apply(store, fleet.begin(time.time()))
    show()
    store.subscribe(_NODES, partial(_cordoned, fleet))
    app.router.add_get(hosts.PATH, partial(_host, nodes))
    if drivers:
        app.router.add_post("/_demo/ailments", partial(_befallen, drivers))
    app.cleanup_ctx.append(_repeating(tick))


async def _host(nodes: Hosts, request: web.Request) -> web.Response:
    page = nodes.page(request.match_info["node"], time.time())
    if page is None:
        raise web.HTTPNotFound
    return web.Response(body=page.encode(), headers={"Content-Type": hosts.CONTENT_TYPE})


async def _befallen(drivers: Drivers, request: web.Request) -> web.Response:
    content = await request.json()
    try:
        drivers.befall(str(content["node"]), int(content["gpu"]), content["fault"])
    except LookupError as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from error
    return web.json_response(content)


def _cordoned(fleet: LivingFleet, event: entries.Event) -> None:
    """Tell the fleet what a client did to a node, so that it places no pods on a cordoned one."""
    if event.new is not None:
        node, unschedulable = event.new.fields
        fleet.cordon(node, cordoned=unschedulable == "true")


def _stage_packed(options: argparse.Namespace, store: Store, _: web.Application) -> None:
    pods = itertools.islice(trace.pods(options.trace), options.pods)
    apply(store, replay.packed(trace.machines(options.trace), pods))


def _stage_timeline(options: argparse.Namespace, store: Store, app: web.Application) -> None:
    machines = list(trace.machines(options.trace))
    timeline = Timeline(machines, trace.pods(options.trace))
    apply(store, replay.nodes(machines))
    apply(store, timeline.until(options.at))
    began = time.monotonic()

    def tick() -> None:
        passed = (time.monotonic() - began) * options.speed
        apply(store, timeline.until(int(options.at + passed)))

    async def forward(request: web.Request) -> web.Response:
        content = await request.json()
        apply(store, timeline.until(int(content["until"])))
        return web.json_response({"resourceVersion": str(store.resource_version)})

    app.router.add_post("/_demo/timeline", forward)
    if options.speed:
        app.cleanup_ctx.append(_repeating(tick))


def _stage_large(options: argparse.Namespace, store: Store, app: web.Application) -> None:
    fleet = LargeFleet(random.Random(options.seed), options.nodes, options.pods, options.gpu_pods)
    apply(store, fleet.begin(time.time()))

    async def change(request: web.Request) -> web.Response:
        content, now = await request.json(), time.time()
        if "sentinel" in content:
            apply(store, fleet.sentinel(str(content["sentinel"]), now))
        apply(store, fleet.changes(int(content.get("changes", 0)), now))
        return web.json_response({"resourceVersion": str(store.resource_version)})

    app.router.add_post("/_demo/large", change)


def _repeating(tick: Callable[[], None]) -> Callable[[web.Application], AsyncIterator[None]]:
    async def repeat() -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            tick()

    async def context(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(repeat())
        yield
        task.cancel()

    return context


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.fleet", description=__doc__)
    uses = parser.add_subparsers(required=True, metavar="{living,packed,timeline,large}")
    living = uses.add_parser("living", help="44 nodes, 300 GPUs, pods that come and go")
    living.add_argument("--seed", type=int, default=1)
    living.add_argument(
        "--drivers", type=Path, help="folder for the nodes' driver scenarios (demo.nvml)"
    )
    living.add_argument(
        "--pods", type=Path, help="file that says which pods hold which devices (demo.kubelet)"
    )
    living.set_defaults(stage=_stage_living)
    packed = uses.add_parser("packed", help="the trace's first pods, all at once")
    packed.add_argument("--pods", type=int, default=2000)
    packed.set_defaults(stage=_stage_packed)
    timeline = uses.add_parser("timeline", help="the trace on its own clock")
    timeline.add_argument("--at", type=int, default=0, help="the trace's second to begin at")
    timeline.add_argument("--speed", type=float, default=0.0, help="trace seconds per second")
    timeline.set_defaults(stage=_stage_timeline)
    large = uses.add_parser("large", help="as many nodes and pods as wanted, of realistic size")
    large.add_argument("--seed", type=int, default=1)
    large.add_argument("--nodes", type=int, default=10_000)
    large.add_argument("--pods", type=int, default=100_000)
    large.add_argument("--gpu-pods", type=int, default=30_000)
    large.set_defaults(stage=_stage_large)
    for use in (packed, timeline):
        use.add_argument("--trace", type=Path, required=True, help="folder of the openb trace")
    for use in (living, packed, timeline, large):
        use.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")
        use.add_argument("--kubeconfig-out", type=Path)
        use.add_argument(
            "--bookmark-interval",
            type=float,
            default=_BOOKMARK_SECONDS,
            metavar="SECONDS",
            help="between two signs of life to whoever watches",
        )
    return parser
