"""MIG instances, put together as they are published: by GPU instance."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from exporter.errors import DeviceDown, DeviceError
from exporter.node.asking import Instance
from exporter.node.reading import Reading

Members = Sequence[Instance]
"""The compute instances of one GPU instance: they share its memory and its counters."""


def by_gpu_instance(instances: Sequence[Instance]) -> Mapping[int, Members]:
    """Return the compute instances of every GPU instance, both in the order of their ids."""
    groups: dict[int, list[Instance]] = {}
    for each in sorted(instances, key=lambda one: (one.gpu_instance, one.compute_instance)):
        groups.setdefault(each.gpu_instance, []).append(each)
    return groups


def apart(
    instances: Sequence[Instance], collect: Callable[[str, Members], Iterator[Reading]]
) -> Iterator[Reading]:
    """Yield what *collect* yields for the label and the members of every GPU instance.

    Raises:
        DeviceError: What failed first, after all others were read: it costs only its own samples.
    """
    failure: DeviceError | None = None
    for number, members in by_gpu_instance(instances).items():
        try:
            yield from collect(str(number), members)
        except DeviceDown:
            raise
        except DeviceError as error:
            failure = failure or error
    if failure is not None:
        raise failure
