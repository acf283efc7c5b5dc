"""What a request says of what it is to change: If-Match, If-None-Match, Idempotency-Key."""

import re

from flask import Request

from queryapi.api.bodies import Body
from queryapi.api.endpoints.pools import KEY, TAGS
from queryapi.errors import InvalidParameter, PreconditionFailed
from queryapi.services.pools.registering.drafts import Expected, Repeatable

_TAGS = re.compile(TAGS)
# A tag of ours, strong: the version, and what names the bytes.
_OURS = re.compile(r'(?<!/)"([0-9]{1,18})\.[^"]*"')
_KEY = re.compile(KEY)


def expected_of(request: Request) -> Expected:
    """Return the versions that may be changed; None = any.

    Only the version in a tag counts: two readings of a pool may differ in numbers that no caller
    can change.

    Raises:
        InvalidParameter: When If-Match is no list of tags.
        PreconditionFailed: When If-None-Match forbids what is there: only that can be changed.
    """
    if request.headers.get("If-None-Match", "").strip() == "*":
        raise PreconditionFailed("If-None-Match forbids changing a pool that is there")
    given = request.headers.get("If-Match")
    if given is None:
        return None
    # Empty members of a list are passed over (RFC 9110, section 5.6.1.2).
    given = given.strip(" \t,")
    if given == "*":
        return None
    if not _TAGS.fullmatch(given):
        raise InvalidParameter('If-Match must be * or ETags such as "3.5f2b6c0e"')
    return frozenset(int(version) for version in _OURS.findall(given))


def repeatable_of(request: Request, body: Body) -> Repeatable | None:
    """Return what names a request that may come again; None = nothing does.

    Raises:
        InvalidParameter: When Idempotency-Key is empty, too long, or not visible ASCII.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidParameter("Idempotency-Key must be 1 to 255 visible ASCII characters")
    return Repeatable(key, body.digest)
