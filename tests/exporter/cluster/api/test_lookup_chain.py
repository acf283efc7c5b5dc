"""The look-up and the directory together, on the real client: an owner, its owner, and so on."""

from pathlib import Path

from demo.processes import wait_for
from exporter.cluster.api.directory import Directory
from exporter.cluster.api.lookup import OwnerLookup
from exporter.cluster.api.transport import ApiServer
from exporter.cluster.objects.wire import ObjectWire, OwnerReference
from exporter.cluster.objects.workload import controller_of
from tests.support.apiserver import running
from tests.support.fake_source import Clock
from tests.support.objects import metadata, owned, pod, reference


def test_a_chain_on_an_api_server(tmp_path: Path) -> None:
    """From the executor of a Spark application over its driver, a pod, to the application."""
    application = {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": metadata("etl", namespace="ml"),
    }
    above = {**reference("SparkApplication", "etl"), "apiVersion": application["apiVersion"]}
    delivered: list[tuple[str, str | None]] = []
    clock = Clock()

    def climb(_: OwnerReference, found: ObjectWire) -> None:
        up = controller_of(found)
        delivered.append((found.metadata.name, None if up is None else up.name))
        if up is not None:
            lookup.want(found.metadata.namespace, up)

    with running(application, pod("driver", **owned(above))) as cluster:
        server = ApiServer(cluster.kubeconfig(tmp_path / "config"), clock)
        server.connect()
        directory = Directory(server, clock)
        lookup = OwnerLookup(directory, climb, monotonic=clock, random=lambda: 0.0)
        lookup.start()
        lookup.want("ml", OwnerReference("Pod", "driver", "uid-driver", "v1", controller=True))
        wait_for(lambda: len(delivered) == 2, seconds=60, what="both owners")
        lookup.stop()
        lookup.join(20)

    assert [("driver", "etl"), ("etl", None)] == delivered
