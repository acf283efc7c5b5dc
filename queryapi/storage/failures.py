"""What is the database's fault, in words that anybody may read; everything else is a defect."""

import errno

import msgspec
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_BUSY = "the database is busy"
_FULL = "the database takes no writes: its disk is full"
_SILENT = "the database does not answer"
_DAMAGED = "the database cannot be read"
_READ_ONLY = "the database takes no writes"

# Primary result codes of SQLite (sqlite.org/rescode.html). Its 1 is a wrong statement, and ours.
_SQLITE = {
    3: _SILENT,  # permission
    5: _BUSY,
    6: _BUSY,  # locked
    7: _SILENT,  # no memory
    8: _READ_ONLY,
    9: _BUSY,  # interrupted
    10: _SILENT,  # input or output
    11: _DAMAGED,
    13: _FULL,
    14: _SILENT,  # cannot open
    15: _BUSY,  # locking protocol
    26: _DAMAGED,  # not a database
}
_PRIMARY = 0xFF

# Classes and codes of PostgreSQL (appendix A of its manual); the longest that fits counts.
_POSTGRESQL = {
    "08": _SILENT,  # connection
    "25006": _READ_ONLY,  # a standby
    "25P03": _BUSY,  # idle in a transaction for too long
    "25P04": _BUSY,  # a transaction for too long
    "28": _SILENT,  # not let in
    "3D": _SILENT,  # no such database
    "40": _BUSY,  # serialisation, deadlock
    "42501": "the database does not let its user do that",
    "53": _SILENT,  # no memory, too many connections
    "53100": _FULL,
    "55P03": _BUSY,  # a lock was not had in time
    "57": _SILENT,  # shut down, crashed, starting
    "57014": _BUSY,  # took too long
    "58": _SILENT,  # the machine
    "XX": _DAMAGED,
}
_LONGEST = 5


class Failure(msgspec.Struct, frozen=True):
    """Why the database cannot be used now.

    Args:
        message: For callers of the API.
        detail: For the log: what the database or its client said.
        lost: Whether nobody there answers at all: asking again at once is in vain.
    """

    message: str
    detail: str
    lost: bool


def failure(error: SQLAlchemyError) -> Failure | None:
    """Return what the database is to blame for; None when it is our own statement or use."""
    if isinstance(error, PoolTimeout):
        return Failure(_BUSY, "no connection was free in time", lost=False)
    if not isinstance(error, DBAPIError):
        return None
    message = _message(error)
    if message is None:
        return None
    detail = " ".join(str(error.orig).split())
    return Failure(message, detail, lost=message is _SILENT)


def _message(error: DBAPIError) -> str | None:
    if isinstance(error.orig, OSError):
        return _FULL if error.orig.errno == errno.ENOSPC else _SILENT
    number = getattr(error.orig, "sqlite_errorcode", None)
    if number is not None:
        return _SQLITE.get(number & _PRIMARY)
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        fitting = (_POSTGRESQL.get(state[:length]) for length in range(_LONGEST, 1, -1))
        return next(filter(None, fitting), None)
    # The client's own: refused, gone, hung.
    lost = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
    return _SILENT if lost else None
