"""What queries ask of compute pools."""

import re

from queryapi.api.endpoints.pools import BEFORE
from queryapi.api.parameters import first
from queryapi.api.visit import Query
from queryapi.errors import InvalidParameter

_BEFORE = re.compile(BEFORE)


def before(query: Query) -> int | None:
    """Return the number of the activity before which others are asked for; None = none is named.

    Raises:
        InvalidParameter: When it is no activity's id.
    """
    given = first(query, "before")
    if not given:
        return None
    if not _BEFORE.fullmatch(given):
        raise InvalidParameter("before must be the id of an activity, such as act-1001")
    return int(given.removeprefix("act-"))
