"""What a caller sends to say who they are: the Authorization header and what can be seen of it."""

import binascii
import hashlib
import re
from base64 import urlsafe_b64decode

import msgspec

from queryapi.errors import Unauthenticated
from queryapi.outbound.decoding import BROKEN

_MAX_CHARACTERS = 16 * 1024
# RFC 6750, section 2.1; the scheme is compared without regard to case (RFC 9110, section 11.1).
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)", re.ASCII)
_SEGMENTS = 3


class Stated(msgspec.Struct, frozen=True):
    """What a JSON web token says of itself, not verified: to choose who judges it, no more."""

    iss: str = ""
    exp: float | None = None


def bearer(authorization: str) -> str:
    """Return the token of an Authorization header.

    Raises:
        Unauthenticated: When the header holds anything but one bearer token.
    """
    short = len(authorization) <= _MAX_CHARACTERS
    found = _BEARER.fullmatch(authorization.strip(" \t")) if short else None
    if found is None:
        raise Unauthenticated(
            "the Authorization header is not a bearer token: send Authorization: Bearer TOKEN"
        )
    return found[1]


def digest_of(token: str) -> bytes:
    """Return what a token is remembered by: never the token itself."""
    return hashlib.sha256(token.encode()).digest()


def stated_by(token: str) -> Stated | None:
    """Return what a JSON web token says of itself; None when it is no such token."""
    segments = token.split(".")
    if len(segments) != _SEGMENTS:
        return None
    payload = segments[1]
    try:
        content = urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return msgspec.json.decode(content, type=Stated)
    except (binascii.Error, *BROKEN):
        return None


def not_valid() -> Unauthenticated:
    """Return the one refusal of every wrong token: it tells nobody what to mend."""
    return Unauthenticated(
        "the token is not valid: it may be mistyped, expired or revoked", given=True
    )
