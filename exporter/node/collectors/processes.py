"""How many processes use a device, and each of its MIG instances."""

from collections import Counter
from collections.abc import Iterator

from exporter.catalogue import INSTANCE_PROCESSES, PROCESSES
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.instances import Members, apart
from exporter.node.processes import running
from exporter.node.reading import Reading, each


def collect(device: Device) -> Iterator[Reading]:
    """Yield the number of processes by kind; a device has those of all its instances."""
    instances = device.instances()
    if not instances:
        found = running([device])
        yield from each(PROCESSES, {kind: len(found[kind]) for kind in found})
        return
    total: Counter[str] = Counter()

    def of_instance(label: str, members: Members) -> Iterator[Reading]:
        found = {str(kind): len(listed) for kind, listed in running(members).items()}
        for kind, number in found.items():
            total[kind] += number
        yield from each(INSTANCE_PROCESSES, found, label)

    # Not reached when one instance failed: a sum of some would be wrong.
    yield from apart(instances, of_instance)
    yield from each(PROCESSES, total)


COLLECTOR = Collector("processes", "number of processes by kind", (Part(Group.MEDIUM, collect),))
