"""A connection to PostgreSQL as the store wants it: bounded waits, and few of them."""

from collections.abc import Iterable
from pathlib import Path
from select import select
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")

ANSWER_SECONDS = 3.5


class Driver(psycopg.Connection[Any]):
    """A connection that waits for no answer longer than `patience` seconds.

    A round trip takes longer than most statements, and every one makes a thread wait for its turn
    twice. So what nobody waits for is sent with what comes next, or with the end of the
    transaction.
    """

    patience = ANSWER_SECONDS

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._owed: list[str] = []

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server; one that is silent is left."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:  # noqa: SLF001 - what a wait with a limit raises
            # What it answers some day would be taken for the answer to something else.
            self.close()
        raise psycopg.OperationalError(f"no answer within {self.patience:g} s")

    def later(self, statement: str, values: Any = None) -> None:
        """Have a statement sent with what comes next; what it fails with, that fails with."""
        self._owed.append(self._merged(statement, values))

    def with_owed(self, statement: str, values: Any = None) -> str | None:
        """Return a statement with what is to be sent before it; None = nothing is.

        The result of the last of them is the statement's.
        """
        if not self._owed:
            return None
        return self._taken(self._merged(statement, values))

    def settle(self) -> None:
        """Send what is owed."""
        if self._owed:
            self._say(self._taken())

    def commit(self) -> None:
        """End the transaction, in one go with what is owed."""
        if self._owed:
            self._say(self._taken("COMMIT"))
        else:
            super().commit()

    def rollback(self) -> None:
        """End the transaction; what is owed never was."""
        self._owed.clear()
        super().rollback()

    @property
    def is_told_something(self) -> bool:
        """Whether the server has said something unasked, such as that it goes away."""
        ready, _, _ = select([self.fileno()], [], [], 0)
        return bool(ready)

    def _merged(self, statement: str, values: Any) -> str:
        """Return a statement that has its values in it: several go only so in one message."""
        if values is None:
            return statement
        return psycopg.ClientCursor(self).mogrify(statement, values)

    def _taken(self, *last: str) -> str:
        owed, self._owed = self._owed, []
        return "; ".join((*owed, *last))

    def _say(self, statements: str) -> None:
        self.execute(statements).close()


def connect(password_file: str | None, arguments: Iterable[Any], options: dict[str, Any]) -> Driver:
    """Connect; the file is read anew each time."""
    if password_file is not None:
        options["password"] = _secret(password_file)
    return Driver.connect(*arguments, **options)


def _secret(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise psycopg.OperationalError("database_password_file cannot be read") from error
