"""Jobs as they were stored last, so that they need not be read."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from queryapi import storage
from queryapi.storage.jobrecords import FINAL, Job

if TYPE_CHECKING:
    from queryapi.storage.engine import Store
    from queryapi.storage.jobs import Held, Locked

MOST = 1000
"""How many are kept: some MB."""


class Remembered:
    """What the last transactions of the one who reports have left.

    Whoever else writes in this process, such as to forget old jobs, makes it forget all; where
    others may report to the same database each is held against what has written it last.

    Args:
        store: Where jobs are kept.
    """

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._jobs: dict[str, Held] = {}
        self._writings = 0

    def taken(self) -> "dict[str, Held]":
        """Return all that is known, by id; for use within `Store.reporting` only.

        It counts as unknown until it is kept again: what fails may have been stored or not.
        """
        known, self._jobs = self._jobs, {}
        before, self._writings = self._writings, self._store.writings
        return known if before == self._writings else {}

    def keep(self, known: "dict[str, Held]", locked: "Locked", stored: Mapping[str, Job]) -> None:
        """Note what was known, and what is stored now besides; jobs that have ended are not.

        Args:
            known: What was taken.
            locked: What of it, and besides, was found to be so.
            stored: The jobs of the transaction as it has left them.
        """
        if len(known) + len(stored) > MOST:
            known = {}
        for name, job in stored.items():
            was = locked.held.get(name)
            same = was is not None and was.job is job
            version = was.version if was is not None and same else locked.own
            if job.status in FINAL or version is None:
                known.pop(name, None)
            else:
                known[name] = storage.jobs.Held(job, version)
        self._jobs = known
