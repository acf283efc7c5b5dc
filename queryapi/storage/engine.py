"""The one way to the database: a connection, a transaction, and what its failures are called."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from queryapi.errors import ConfigurationError, QueryApiError, StoreUnavailable
from queryapi.storage import versions
from queryapi.storage.backend import backend
from queryapi.storage.failures import Failure, failure
from queryapi.storage.health import Health
from queryapi.storage.manner import Manner, connect
from queryapi.storage.tables import REVISION_NOW
from queryapi.telemetry.logs import fields
from queryapi.telemetry.storing import Storing

Session = Connection
"""What repository functions take: one transaction."""

_LOG = logging.getLogger(__name__)

_TURN_SECONDS = 3.0
_WRITES = frozenset({Manner.WRITING, Manner.REPORTING, Manner.UPGRADING})


class Store:
    """A database that is at the newest version of the tables.

    The first use brings it there, under a lock; while it cannot be reached every use fails, and
    tries anew. Of several processes on one SQLite file only one may write: see `exclusive`.

    Args:
        url: SQLAlchemy's, as the setting `database_url`.
        password_file: What holds the password, where the URL has none.
        storing: Counts uses.
        reads_only: Whether somebody else writes, and brings the tables up to date: until then no
            use goes well.
        clock: Monotonic seconds.

    Attributes:
        newest: The version of the tables that this gpuscope works with.
    """

    newest = versions.NEWEST

    def __init__(
        self,
        url: str,
        password_file: str | None = None,
        *,
        storing: Storing | None = None,
        reads_only: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reads_only = reads_only
        self._backend = backend(url, password_file)
        self._health = Health(clock, storing)
        self._preparing = threading.Lock()
        self._engine: Engine | None = None
        self._ready = False
        # SQLite's own waiting is not fair: its writers would get their turns by chance.
        self._turn = threading.Lock()
        self._revision: int | None = None
        self._writings = 0

    def prepare(self) -> None:
        """Bring the tables to the newest version, unless they are there.

        Raises:
            ConfigurationError: When a newer gpuscope made them.
            StoreUnavailable: When the database does not answer.
        """
        if not self._preparing.acquire(timeout=_TURN_SECONDS):
            raise StoreUnavailable("the database is being brought up to date", retry_after=5)
        try:
            if not self._ready:
                if self._reads_only:
                    self._await_tables()
                else:
                    with self._judged(Manner.UPGRADING):
                        self._bring_up_to_date()
                self._ready = True
        finally:
            self._preparing.release()

    def version(self) -> str | None:
        """Return the version of the tables as they are; None where there are none.

        Raises:
            StoreUnavailable: When the database does not answer.
        """
        if not self._backend.exists():
            return None
        with (
            self._judged(Manner.READING),
            connect(self._made(), Manner.READING) as session,
            session.begin(),
        ):
            return versions.found(session)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a transaction that only reads, and sees one state of everything.

        Raises:
            StoreUnavailable: When the database does not answer.
        """
        with self._used(Manner.READING) as use, use.session.begin():
            yield use.session

    @contextmanager
    def writing(self, stored: Callable[[], object] | None = None) -> Iterator[Session]:
        """Give a transaction that is stored when the block ends, and not at all when it raises.

        Writers wait for one another, in all processes: each sees what those before it stored. What
        ends without an error is on the disk. Only a database that goes away in the very end leaves
        open whether it was; the error says so.

        Args:
            stored: Called when it is, before another thread of this process writes.

        Raises:
            StoreUnavailable: When the database does not answer, or takes no writes.
        """
        assert not self._reads_only  # noqa: S101 - a defect of ours
        with self._in_turn() as patience, self._used(Manner.WRITING, patience) as use:
            self._writings += 1
            revision = None
            try:
                with use.session.begin():
                    yield use.session
                    if self.alone:
                        revision = use.session.scalar(REVISION_NOW)
                    use.moment.ending = True
            except BaseException:
                # Whatever was stored of it: the next who asks looks.
                self._revision = None
                raise
            self._revision = revision
            if stored is not None:
                stored()

    @contextmanager
    def reporting(self) -> Iterator[Session]:
        """Give a transaction that writes jobs and what is told of them, and nothing else.

        As `writing`, but where others may write too it waits only for those who have locked the
        same jobs: lock all that it changes at once, by `jobs.locked`, before anything else.

        Raises:
            StoreUnavailable: When the database does not answer, or takes no writes.
        """
        turn = self._in_turn() if self.alone else nullcontext()
        with turn as patience, self._used(Manner.REPORTING, patience) as use, use.session.begin():
            yield use.session
            use.moment.ending = True

    @property
    def trouble(self) -> str | None:
        """Why it could not be used of late; None = it could. Asks nobody."""
        return self._health.trouble

    @property
    def alone(self) -> bool:
        """Whether nobody else can write to it: what this process has read stays true."""
        return self._backend.alone

    @property
    def writings(self) -> int:
        """How often `writing` was used in this process.

        What somebody who reports knows of jobs stays true as long as it is the same, where the
        store is `alone` and nobody else reports.
        """
        return self._writings

    def revision(self) -> int:
        """Return a number that rises with every write to the pools (`pools.touch`).

        Costs nothing where the store is `alone`, else one short query.

        Raises:
            StoreUnavailable: When the database does not answer.
        """
        known = self._revision
        if known is not None:
            return known
        # No writer ends between the look and the note of it.
        with self._in_turn() if self.alone else nullcontext():
            with self._used(Manner.GLANCING) as use:
                found = int(use.session.scalar(REVISION_NOW) or 0)
            if self.alone:
                self._revision = found
        return found

    def close(self) -> None:
        """Close the connections."""
        with self._preparing:
            engine, self._engine, self._ready = self._engine, None, False
        if engine is not None:
            engine.dispose()

    @contextmanager
    def _in_turn(self) -> Iterator[float]:
        """Wait for the other writers of this process; gives the seconds that are left to wait."""
        until = time.monotonic() + _TURN_SECONDS
        if not self._turn.acquire(timeout=_TURN_SECONDS):
            raise StoreUnavailable("the database is busy")
        try:
            yield max(0.0, until - time.monotonic())
        finally:
            self._turn.release()

    @contextmanager
    def _used(self, manner: Manner, patience: float | None = None) -> Iterator["_Use"]:
        """Give a connection that has not begun its transaction."""
        self._health.admit()
        if not self._ready:
            try:
                self.prepare()
            except ConfigurationError as error:
                raise StoreUnavailable("a newer version of this service made the tables") from error
        with (
            self._judged(manner) as moment,
            connect(self._made(), manner, patience) as session,
        ):
            yield _Use(session, moment)

    @contextmanager
    def _judged(self, manner: Manner) -> Iterator["_Moment"]:
        """Call failures of the database by their name, and note how it went."""
        writing, moment = manner in _WRITES, _Moment()
        try:
            yield moment
        except SQLAlchemyError as error:
            judged = failure(error)
            if judged is None:
                raise
            found = judged
        except QueryApiError:
            # The caller's own: the database did what was asked, and had nothing to store.
            self._health.worked(writing=False)
            raise
        else:
            self._health.worked(writing=writing)
            return
        self._health.failed(found, writing=writing)
        raise StoreUnavailable(_told(found, moment)) from None

    def _made(self) -> Engine:
        engine = self._engine
        if engine is None:
            engine = self._engine = self._backend.make()
        return engine

    def _await_tables(self) -> None:
        if not versions.is_newest(self.version()):
            raise StoreUnavailable("the tables are not up to date yet")

    def _bring_up_to_date(self) -> None:
        self._backend.create()
        engine = self._made()
        with connect(engine, Manner.READING) as session, session.begin():
            if versions.is_newest(versions.found(session)):
                return
        # 10 MB that nobody needs afterwards: only where there is something to do.
        from queryapi.storage.upgrade import upgrade  # noqa: PLC0415

        with connect(engine, Manner.UPGRADING) as session, session.begin():
            found = versions.found(session)
            if not versions.is_newest(found):
                upgrade(session)
        _LOG.info("the tables are upgraded", extra=fields(was=found, version=self.newest))


@dataclass(slots=True)
class _Moment:
    """How far a use has come."""

    ending: bool = False


@dataclass(frozen=True, slots=True)
class _Use:
    session: Session
    moment: _Moment


def _told(found: Failure, moment: _Moment) -> str:
    if moment.ending and found.lost:
        return "the database went away while it stored this: look whether it did"
    return found.message
