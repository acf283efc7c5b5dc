"""What a transaction is for: how it begins, and how long it may take, depends on that."""

from enum import Enum, auto

from sqlalchemy import Connection, Engine

_OPTION, _PATIENCE = "gpuscope_manner", "gpuscope_patience"


class Manner(Enum):
    """What a transaction is for."""

    READING = auto()
    WRITING = auto()
    # Like WRITING, but of jobs only: it waits for those who write the same jobs, if it can.
    REPORTING = auto()
    UPGRADING = auto()
    # One statement that needs no transaction.
    GLANCING = auto()


def connect(engine: Engine, manner: Manner, patience: float | None = None) -> Connection:
    """Take a connection, for one transaction.

    Args:
        engine: Of the database.
        manner: What for.
        patience: Seconds that it may still wait for other writers; None = as long as any.
    """
    options = {_OPTION: manner, _PATIENCE: patience}
    return engine.connect().execution_options(**options)


def manner_of(connection: Connection) -> Manner:
    """Return what it was taken for; what the driver does by itself only reads."""
    found = connection.get_execution_options().get(_OPTION, Manner.READING)
    assert isinstance(found, Manner)  # noqa: S101 - told to mypy
    return found


def patience_of(connection: Connection) -> float | None:
    """Return how long it may wait for other writers."""
    found = connection.get_execution_options().get(_PATIENCE)
    return found if isinstance(found, float) else None
