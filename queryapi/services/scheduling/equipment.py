"""What nodes have and pods ask for, in the words of a platform."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable

from queryapi.promql.values import Sample
from queryapi.services.scheduling.model import Equipment, PodNumbers
from queryapi.services.wording import LAST_SECOND, amount

_KIB, _MIB = 1024, 1024 * 1024
# As `uname` says it, which is what build tools compare with.
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
_HEARD = "gpu_exporter_last_collection_timestamp_seconds"
_READY_SINCE = "gpu_node_ready_since_timestamp_seconds"
_CREATED = "gpu_node_created_timestamp_seconds"

# Series → property, and how a value is written.
_NUMBERS: dict[str, tuple[str, Callable[[float], str]]] = {
    "gpu_node_allocatable_cpu_cores": ("cpu_count", lambda cores: str(math.floor(cores))),
    "gpu_node_allocatable_memory_bytes": ("memory_kb", lambda size: str(int(size) // _KIB)),
    "gpu_node_allocatable": ("gpu_count", lambda gpus: str(amount(gpus))),
    "gpu_node_device_memory_bytes": ("gpu_memory_mb", lambda size: str(int(size) // _MIB)),
    "gpu_node_free": ("gpu_free", lambda gpus: str(amount(gpus))),
}
# Series → property, and the label that tells it.
_TEXTS: dict[str, tuple[tuple[str, str, Callable[[str], str]], ...]] = {
    "gpu_node_info": (
        ("cpu_arch", "architecture", lambda name: _ARCHITECTURES.get(name, name)),
        ("OSFamily", "os", str.capitalize),
        ("gpu_model", "model", str),
    ),
    "gpu_driver_info": (
        ("driver_version", "driver_version", str),
        ("cuda_version", "cuda_version", str),
    ),
}
_ORDER = (
    "cpu_count",
    "memory_kb",
    "cpu_arch",
    "OSFamily",
    "gpu_count",
    "gpu_model",
    "gpu_memory_mb",
    "gpu_free",
    "driver_version",
    "cuda_version",
)


def read_equipment(samples: Iterable[Sample]) -> dict[str, Equipment]:
    """Return what each node has; a node's resources are added up."""
    numbers: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for sample in samples:
        labels, value = sample.metric, sample.value
        node, name = labels.get("node", ""), labels.get("__name__", "")
        if name in _TEXTS:
            _keep_texts(texts[node], name, labels)
        elif 0 <= value < math.inf:
            numbers[node][name] += value
    shared: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    return {
        node: _equipment(numbers[node], texts[node], shared)
        for node in (numbers.keys() | texts.keys())
    }


def needs(numbers: PodNumbers, gpu_model: str) -> dict[str, str]:
    """Return what a pod asks for, as text; what nobody tells is left out."""
    told = {
        "cpu_count": None if numbers.cores is None else str(math.ceil(numbers.cores)),
        "memory_kb": None if numbers.memory is None else str(math.ceil(numbers.memory / _KIB)),
        "gpu_count": None if numbers.gpus is None else str(amount(numbers.gpus)),
        "gpu_model": gpu_model or None,
    }
    return {name: text for name, text in told.items() if text is not None}


def _keep_texts(kept: dict[str, str], name: str, labels: dict[str, str]) -> None:
    for property_, label, write in _TEXTS[name]:
        text = write(labels.get(label, ""))
        if text:
            # Of two exporters', always the same one.
            kept[property_] = max(kept.get(property_, ""), text)


def _equipment(
    numbers: dict[str, float],
    texts: dict[str, str],
    shared: dict[tuple[tuple[str, str], ...], dict[str, str]],
) -> Equipment:
    written = {name: write(numbers[s]) for s, (name, write) in _NUMBERS.items() if s in numbers}
    told = texts | written
    properties = {name: told[name] for name in _ORDER if name in told}
    since = _time(numbers, _READY_SINCE)
    return Equipment(
        # Nodes of one kind are many: their properties are one object.
        shared.setdefault(tuple(properties.items()), properties),
        heard_at=_time(numbers, _HEARD),
        since=_time(numbers, _CREATED) if since is None else since,
    )


def _time(numbers: dict[str, float], name: str) -> float | None:
    found = numbers.get(name)
    return found if found is not None and found <= LAST_SECOND else None
