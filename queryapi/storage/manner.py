"""What a transaction is for: how it begins, and how long it may take, depends on that."""

from enum import Enum, auto

from sqlalchemy import Connection, Engine

_OPTION = "gpuscope_manner"


class Manner(Enum):
    """What a transaction is for."""

    READING = auto()
    WRITING = auto()
    UPGRADING = auto()
    # One statement that needs no transaction.
    GLANCING = auto()


def connect(engine: Engine, manner: Manner) -> Connection:
    """Take a connection, for one transaction."""
    return engine.connect().execution_options(**{_OPTION: manner})


def manner_of(connection: Connection) -> Manner:
    """Return what it was taken for; what the driver does by itself only reads."""
    found = connection.get_execution_options().get(_OPTION, Manner.READING)
    assert isinstance(found, Manner)  # noqa: S101 - told to mypy
    return found
