"""`gpuscope-exporter node` and `gpuscope-exporter cluster`: the only place that wires parts."""

import argparse
import gc
import random
import signal
import socket
import sys
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter import arguments, logs, process, server
from exporter.errors import ConfigurationError
from exporter.node.collectors import COLLECTORS, enabled
from exporter.server import Publisher

if TYPE_CHECKING:
    from exporter.cluster.api.election import Election
    from exporter.cluster.api.transport import ApiServer
    from exporter.cluster.shard import Shard

_SIGNAL_POLL_SECONDS = 0.2
_IMPATIENT_SECONDS = 5.0


def main(given: Sequence[str] | None = None) -> int:
    """Run one role until SIGTERM or SIGINT; return the exit status."""
    parser = arguments.parser(node=_node_publisher, cluster=_cluster_publisher)
    options = parser.parse_args(given)
    wrong = arguments.check(options)
    if wrong:
        parser.error(wrong)
    logs.configure(options.log_level, options.log_format)
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _: received.append(signum))
    try:
        publisher: Publisher = options.build(options)
        site = server.Site(
            publisher,
            role=options.role,
            telemetry_path=options.telemetry_path,
            beside=lambda: (process.block(),),
        )
        server.serve(
            site, publisher, address=options.listen_address, wait=lambda: _sleep_until(received)
        )
    except ConfigurationError as error:
        print(f"gpuscope-exporter: {error}", file=sys.stderr)
        return 1
    return 0


def _sleep_until(received: Sequence[int]) -> None:
    # Neither an Event nor a queue: two signals at once can leave either of them waiting forever.
    while not received:
        time.sleep(_SIGNAL_POLL_SECONDS)


def _node_publisher(options: argparse.Namespace) -> Publisher:
    # Imported here so that neither role pays for the other's libraries.
    from exporter.node.nvml import NvmlDriver  # noqa: PLC0415
    from exporter.node.publisher import NodePublisher, Options  # noqa: PLC0415

    chosen = [
        each.name for each in COLLECTORS if getattr(options, arguments.collector_flag(each.name))
    ]
    return NodePublisher(
        NvmlDriver(),
        Options(options.node_name, enabled(chosen), interval=options.interval),
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
