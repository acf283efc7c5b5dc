"""`gpuscope-exporter node` and `gpuscope-exporter cluster`: the only place that wires parts."""

import argparse
import gc
import logging
import random
import shlex
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from exporter import arguments, logs, memory, nodeflags, process, server
from exporter.catalogue.dcgm import Generation
from exporter.errors import ConfigurationError
from exporter.node.collectors import COLLECTORS, enabled
from exporter.server import Publisher

if TYPE_CHECKING:
    from exporter.cluster.api.election import Election
    from exporter.cluster.api.transport import ApiServer
    from exporter.cluster.nodeview import NodeView
    from exporter.cluster.shard import Shard
    from exporter.node.compat.translator import Translator
    from exporter.node.holders.finder import Finder
    from exporter.node.holders.poller import Poller

_log = logging.getLogger(__name__)

_SIGNAL_POLL_SECONDS = 0.2
_IMPATIENT_SECONDS = 5.0
_ENDS = (signal.SIGTERM, signal.SIGINT)


@runtime_checkable
class Releasable(Protocol):
    """A role that holds on to something of the node's, and can let go of it for a while."""

    def release(self) -> None:
        """Let go."""

    def resume(self) -> None:
        """Take it back before the time is over."""


@runtime_checkable
class Reloadable(Protocol):
    """What follows files, and can be told to read them again."""

    def reload(self) -> None:
        """Read them again."""


def main(given: Sequence[str] | None = None) -> int:
    """Run one role until SIGTERM or SIGINT; return the exit status."""
    parser = arguments.parser(node=_node_publisher, cluster=_cluster_publisher)
    options = parser.parse_args(given)
    wrong = arguments.check(options)
    if wrong:
        parser.error(wrong)
    logs.configure(options.log_level, options.log_format)
    received: list[int] = []
    # All of them from the start, and in both roles: what is asked for too early ends no process.
    for number in (*_ENDS, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda signum, _: received.append(signum))
    try:
        web = server.Following(options.web_config, time.time) if options.web_config else None
        publisher: Publisher = options.build(options)
        acts = _acts(publisher, web)
        site = server.Site(
            publisher,
            server.Options(
                options.role,
                options.telemetry_path,
                options.most_requests,
                command=shlex.join(sys.argv[1:] if given is None else given),
            ),
            beside=lambda: (process.block(),),
            web=web,
        )
        server.serve(
            site,
            publisher,
            address=options.listen_address,
            wait=lambda: _heed(received, acts),
            web=web,
            most_requests=options.most_requests,
        )
    except ConfigurationError as error:
        print(f"gpuscope-exporter: {error}", file=sys.stderr)
        return 1
    return 0


def _acts(publisher: Publisher, web: server.Following | None) -> Mapping[int, Callable[[], None]]:
    """Return what signals ask of a role beside ending it."""
    files = [each.reload for each in (web, publisher) if isinstance(each, Reloadable)]
    acts: dict[int, Callable[[], None]] = {signal.SIGHUP: lambda: _reload(files)}
    if isinstance(publisher, Releasable):
        acts |= {signal.SIGUSR1: publisher.release, signal.SIGUSR2: publisher.resume}
    return acts


def _reload(files: Sequence[Callable[[], None]]) -> None:
    _log.info("SIGHUP: files that flags name are read again; flags themselves at a start only")
    for reload in files:
        reload()


def _heed(received: list[int], acts: Mapping[int, Callable[[], None]]) -> None:
    """Do what signals ask for, until one asks for the end."""
    # Neither an Event nor a queue: two signals at once can leave either of them waiting forever.
    while True:
        now = {received.pop(0) for _ in tuple(received)}
        if now.intersection(_ENDS):
            return
        # Of several at once nobody knows which was the last: they are told in the order of their
        # numbers. Letting go comes last here, and so holds: others wait for it, it ends by itself.
        for number, act in reversed(tuple(acts.items())):
            if number in now:
                act()
        time.sleep(_SIGNAL_POLL_SECONDS)


def preload_node() -> None:
    """Load what the node role will need: for a program that forks many exporters."""
    from exporter.node import publisher  # noqa: F401, PLC0415 - loading is the purpose
    from exporter.node.driver import nvml  # noqa: F401, PLC0415 - idem
    from exporter.node.holders import podresources  # noqa: F401, PLC0415 - idem


def _node_publisher(options: argparse.Namespace) -> Publisher:
    # Imported here so that neither role pays for the other's libraries.
    from exporter.node.driver.nvml import NvmlDriver  # noqa: PLC0415
    from exporter.node.publisher import NodePublisher, Options  # noqa: PLC0415

    memory.share_one_heap()
    chosen = [
        each.name for each in COLLECTORS if getattr(options, nodeflags.collector_flag(each.name))
    ]
    return NodePublisher(
        NvmlDriver(),
        Options(
            options.node_name,
            enabled(chosen),
            nodeflags.pace(options),
            release_seconds=options.release_seconds,
            compat=_translator(options),
            ours=not options.compat_only,
        ),
        holders=holders(options),
    )


def holders(options: argparse.Namespace) -> "Finder | None":
    """Return who finds out which pods and jobs hold devices; None when nobody is to be asked.

    Raises:
        ConfigurationError: When one cannot be asked.
    """
    from exporter.node.holders.cgroups import Processes  # noqa: PLC0415
    from exporter.node.holders.finder import RESOURCES, Finder, Sources  # noqa: PLC0415

    sources = Sources(
        options.node_name,
        poller=_poller(options) if options.podresources_socket else None,
        resources=(*RESOURCES, *options.podresources_resources),
        knowledge=_node_view(options) if options.kubernetes_api else None,
        processes=Processes() if options.pod_processes else None,
        jobs=options.hpc_jobs,
        interval=options.podresources_interval,
    )
    if sources.processes is not None:
        sources.processes.check()
    asked = (sources.poller, sources.processes, sources.jobs)
    return None if all(each is None for each in asked) else Finder(sources)


def _poller(options: argparse.Namespace) -> "Poller":
    from exporter.node.holders.podresources import PodResources  # noqa: PLC0415
    from exporter.node.holders.poller import Poller  # noqa: PLC0415

    return Poller(
        PodResources(Path(options.podresources_socket)),
        interval=options.podresources_interval,
        max_age=options.podresources_max_age,
    )


def _node_view(options: argparse.Namespace) -> "NodeView":
    from exporter.cluster.api.transport import ApiServer  # noqa: PLC0415
    from exporter.cluster.nodeview import NodeView  # noqa: PLC0415

    api_server = ApiServer(options.kubeconfig, time.monotonic)
    api_server.connect()
    return NodeView(api_server, options.node_name)


def _translator(options: argparse.Namespace) -> "Translator | None":
    """Return who says the same in dcgm-exporter's words; None when nobody is asked for."""
    if options.compat is None and options.collectors_csv is None:
        return None
    from exporter.node.compat.counters import CountersFile  # noqa: PLC0415
    from exporter.node.compat.entities import Sharing  # noqa: PLC0415
    from exporter.node.compat.translator import Translator  # noqa: PLC0415

    return Translator(
        Generation(options.compat or Generation.OLD),
        CountersFile(options.collectors_csv) if options.collectors_csv else None,
        Sharing(each=options.compat_virtual_gpus, uid=options.compat_pod_uid),
    )


def _cluster_publisher(options: argparse.Namespace) -> Publisher:
    from exporter.cluster.api.directory import Directory  # noqa: PLC0415
    from exporter.cluster.api.transport import ApiServer  # noqa: PLC0415
    from exporter.cluster.fleet import Scope  # noqa: PLC0415
    from exporter.cluster.objects.nodes import Reading  # noqa: PLC0415
    from exporter.cluster.publisher import (  # noqa: PLC0415
        ApiServerAccess,
        ClusterPublisher,
        Options,
    )
    from exporter.cluster.shard import Shard  # noqa: PLC0415

    api_server = ApiServer(options.kubeconfig, time.monotonic)
    # Single requests are small: one that hangs must not cost a lease, or the next owner's name.
    impatient = ApiServer(options.kubeconfig, time.monotonic, silence=_IMPATIENT_SECONDS)
    for each in (api_server, impatient):
        each.connect()
    shard = Shard(options.shard, options.total_shards)
    return ClusterPublisher(
        ApiServerAccess(
            source=lambda watched: api_server.resource(
                watched.resource,
                field_selector=watched.field_selector,
                metadata_only=watched.metadata_only,
            ),
            owners=Directory(impatient, time.monotonic),
            reloads=lambda: api_server.reloads + impatient.reloads,
        ),
        Options(
            cluster_name=options.cluster_name,
            stale_after=options.stale_after,
            stream_lists=options.stream_lists,
            scope=Scope(shard, options.completed_for, options.events),
            reading=Reading().but(options.allowed_taints, dict(options.node_labels)),
        ),
        clock=time.time,
        monotonic=time.monotonic,
        random=random.random,
        election=_election(options, impatient, shard) if options.leader_elect else None,
        settled=_spare_the_collector,
    )


def _spare_the_collector() -> None:
    # What stays for good need not be searched for garbage again and again: of a large cluster that
    # takes a fifth of a second, in which nothing is answered.
    gc.collect()
    gc.freeze()


def _election(options: argparse.Namespace, api_server: "ApiServer", shard: "Shard") -> "Election":
    from exporter.cluster.api.election import Election  # noqa: PLC0415
    from exporter.cluster.api.lease import KubernetesLease, own_namespace  # noqa: PLC0415

    namespace, name = options.lease
    # Each part of a cluster has replicas, and so a leader, of its own.
    name = f"{name}-{shard.label}" if shard.label else name
    return Election(
        KubernetesLease(api_server, namespace or own_namespace(), name),
        f"{socket.gethostname()}_{uuid.uuid4()}",
        clock=time.time,
        monotonic=time.monotonic,
        random=random.random,
    )
