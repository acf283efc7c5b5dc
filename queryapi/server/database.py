"""Brings the database's tables up to date before anybody serves."""

import logging
import os

from queryapi.errors import StoreUnavailable
from queryapi.server.children import fork
from queryapi.settings import Settings

_LOG = logging.getLogger(__name__)


def prepare(settings: Settings) -> int:
    """Return 0, or the exit status of a service whose database a newer one has made.

    A child does it: what it needs for that, nobody needs afterwards. A database that does not
    answer is no reason not to serve what needs none.
    """
    if settings.database_url is None:
        return 0
    child = fork(lambda: _prepare(settings))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _prepare(settings: Settings) -> None:
    from queryapi.storage.engine import Store  # noqa: PLC0415 - as above

    store = Store(settings.database_url or "", settings.database_password_file)
    try:
        store.prepare()
    except StoreUnavailable as error:
        _LOG.warning("pools are not to be had until the database is: %s", error)
    finally:
        store.close()
