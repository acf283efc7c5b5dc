"""From undecoded objects to the fleet: decode, convert, and survive the ones that make no sense."""

import logging
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Generic, TypeVar

import msgspec

from exporter.cluster.objects import wire
from exporter.errors import MalformedObject

_log = logging.getLogger(__name__)

Record = TypeVar("Record")

# Enough to log every broken object of a bad day once, not enough to be a leak.
_MAX_COMPLAINTS = 1000


class Intake(Generic[Record]):
    """Feeds one resource into the fleet.

    Args:
        resource: Its plural name, for messages.
        convert: Undecoded object → record; raises MalformedObject.
        put: Takes in one record.
        drop: Forgets one object by its UID.
        replace: Makes the given records the only ones.
        lock: Held around each change.
    """

    def __init__(
        self,
        resource: str,
        *,
        convert: Callable[[msgspec.Raw], Record],
        put: Callable[[Record], None],
        drop: Callable[[str], None],
        replace: Callable[[Iterable[Record]], None],
        lock: Lock,
    ) -> None:
        self.resource = resource
        self.malformed = 0
        self._convert = convert
        self._put = put
        self._drop = drop
        self._replace = replace
        self._lock = lock
        self._complained_of: set[str] = set()

    def replace(self, pages: Iterable[Iterable[msgspec.Raw]]) -> None:
        """Take in a complete list; what *pages* raises leaves everything as it was."""
        records = [
            record for page in pages for record in map(self._understood, page) if record is not None
        ]
        with self._lock:
            self._replace(records)

    def upsert(self, raw: msgspec.Raw) -> None:
        """Take in one new or changed object.

        One that cannot be understood replaces the last version that could: what is no longer true
        is not published.
        """
        record = self._understood(raw)
        with self._lock:
            if record is not None:
                self._put(record)
            elif uid := _identity(raw):
                self._drop(uid)

    def remove(self, raw: msgspec.Raw) -> None:
        """Forget one object; only its identity is read, so a malformed one goes as well."""
        uid = _identity(raw)
        if uid:
            with self._lock:
                self._drop(uid)

    def _understood(self, raw: msgspec.Raw) -> Record | None:
        try:
            return self._convert(raw)
        except MalformedObject as error:
            self._complain(raw, error)
            return None
        except Exception as error:  # noqa: BLE001 - a defect of ours costs one object, not all of them
            self._complain(raw, error)
            return None

    def _complain(self, raw: msgspec.Raw, error: Exception) -> None:
        self.malformed += 1
        who = _identity(raw) or "without a readable UID"
        if who not in self._complained_of and len(self._complained_of) < _MAX_COMPLAINTS:
            self._complained_of.add(who)
            _log.warning("%s: left out object %s: %s", self.resource, who, error)


def _identity(raw: msgspec.Raw) -> str:
    try:
        return wire.decode(raw, wire.IDENTITY).metadata.uid
    except MalformedObject:
        return ""
