"""What scheduler monitoring is asked; each is part of the key under which its answer is kept."""

import msgspec

from queryapi.services.scheduling.model import Stage


class Question(msgspec.Struct, frozen=True):
    """Something about one cluster."""

    cluster: str


class AllWorkers(Question, frozen=True):
    """All workers."""


class OneWorker(Question, frozen=True):
    """One worker by its id."""

    id: str


class SomeOperations(Question, frozen=True):
    """The first *limit* operations of a stage and of a worker; None = of any."""

    stage: Stage | None = None
    worker_id: str | None = None
    limit: int = 1000


class OneOperation(Question, frozen=True):
    """One operation by one of its two ids."""

    id: str


class Status(Question, frozen=True):
    """The numbers."""


class Metrics(Question, frozen=True):
    """The numbers, by what they count."""
