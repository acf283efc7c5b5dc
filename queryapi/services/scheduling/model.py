"""What scheduler monitoring knows, whoever told it.

Other processes get the values of parts as MessagePack: whoever changes a field of one changes
FORMAT in `services/reading.py` too.
"""

from enum import StrEnum

import msgspec


class Stage(StrEnum):
    """How far an operation is, as answers write it."""

    QUEUED = "Queued"
    CACHE_CHECK = "CacheCheck"
    EXECUTING = "Executing"
    COMPLETED = "Completed"


class Counts(msgspec.Struct, frozen=True, gc=False):
    """How many there are; None = nobody tells, which only a NativeLink's can be.

    workers = active + paused + draining; operations = queued + executing + completed.
    """

    active: int | None
    paused: int | None
    draining: int | None
    queued: int | None
    executing: int | None
    completed: int | None

    @property
    def workers(self) -> int | None:
        """All workers."""
        return _sum(self.active, self.paused, self.draining)

    @property
    def operations(self) -> int | None:
        """All operations."""
        return _sum(self.queued, self.executing, self.completed)


class Readiness(StrEnum):
    """Whether a worker takes work."""

    ACTIVE = "active"
    PAUSED = "paused"
    DRAINING = "draining"


class Pod(msgspec.Struct, frozen=True, gc=False):
    """How far a pod is, and where; node None = it has none yet."""

    uid: str
    stage: Stage
    node: str | None


class PodTexts(msgspec.Struct, frozen=True, gc=False):
    """What is fixed about a pod; empty = nobody tells. The node is that of a pod that is gone."""

    namespace: str
    pod: str
    gpu_model: str
    active_deadline: str
    action_digest: str
    command_digest: str
    input_root_digest: str
    node: str = ""


class PodNumbers(msgspec.Struct, frozen=True, gc=False):
    """What a pod asks for: GPUs, cores, bytes; `created` is Unix time."""

    created: float | None = None
    priority: float | None = None
    gpus: float | None = None
    cores: float | None = None
    memory: float | None = None


class Equipment(msgspec.Struct, frozen=True):
    """What a node has, as text; `heard_at` and `since` are Unix time."""

    properties: dict[str, str]
    heard_at: float | None
    since: float | None


def _sum(*numbers: int | None) -> int | None:
    told = [number for number in numbers if number is not None]
    return sum(told) if len(told) == len(numbers) else None
