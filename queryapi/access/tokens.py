"""Tokens of our own: made here, kept as digests, compared in constant time."""

import hashlib
import hmac
import math
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from queryapi.access.grants import scope_of
from queryapi.access.principal import Principal
from queryapi.settings import Role

PREFIX = "gpuscope_"
_ID_BYTES, _SECRET_BYTES = 6, 32
_SHAPE = re.compile(rf"{PREFIX}([0-9a-f]{{{2 * _ID_BYTES}}})_[0-9a-f]{{{2 * _SECRET_BYTES}}}")
_NOBODYS = "0" * 64

Moment = Annotated[datetime, Meta(tz=True)]


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is kept of a token: enough to know it again, not enough to use it.

    Args:
        id: The public part of its text.
        name: What its bearer is called; tokens of one name are one client.
        role: What its bearer may do.
        digest: SHA-256 of its whole text in hexadecimal. It needs no salt: the text holds 256
            random bits.
        created: When it was made.
        expires: When it ends; None = never.
        clusters: The only clusters its bearer sees; None = all.
        namespaces: The only namespaces its bearer sees; None = all.
    """

    id: Annotated[str, Meta(pattern=rf"^[0-9a-f]{{{2 * _ID_BYTES}}}\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    role: Role
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    created: Moment
    expires: Moment | None = None
    clusters: tuple[str, ...] | None = None
    namespaces: tuple[str, ...] | None = None

    @property
    def principal(self) -> Principal:
        """Whoever bears it."""
        return Principal(f"token:{self.name}", self.role, scope_of(self.clusters, self.namespaces))

    @property
    def ends(self) -> float:
        """When it is over, in Unix seconds."""
        return math.inf if self.expires is None else self.expires.timestamp()

    def expired(self, now: float) -> bool:
        """Tell whether it is over at *now*, in Unix seconds."""
        return self.ends <= now


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file of tokens holds."""

    version: Literal[1] = 1
    tokens: tuple[Token, ...] = ()

    def by_id(self) -> Mapping[str, Token]:
        """Return the tokens by the public part of their text."""
        return {token.id: token for token in self.tokens}


def mint(
    *,
    role: Role,
    name: str,
    created: datetime,
    expires: datetime | None,
    clusters: Sequence[str],
    namespaces: Sequence[str],
) -> tuple[str, Token]:
    """Make a token; return its text, which is nowhere else, and what is kept of it.

    Args:
        role: What its bearer may do.
        name: What its bearer is called; "" = its id.
        created: Now.
        expires: When it ends.
        clusters: The only clusters its bearer sees; none = all.
        namespaces: The only namespaces its bearer sees; none = all.
    """
    public = secrets.token_hex(_ID_BYTES)
    text = f"{PREFIX}{public}_{secrets.token_hex(_SECRET_BYTES)}"
    return text, Token(
        id=public,
        name=name or public,
        role=role,
        digest=_digest(text),
        created=created,
        expires=expires,
        clusters=tuple(clusters) or None,
        namespaces=tuple(namespaces) or None,
    )


def known(tokens: Mapping[str, Token], text: str) -> Token | None:
    """Return the token whose text this is, expired ones too; None when there is none."""
    shaped = _SHAPE.fullmatch(text)
    token = tokens.get(shaped[1]) if shaped else None
    # Who sends an id that nobody has waits as long as who knows one.
    digest = _NOBODYS if token is None else token.digest
    return token if hmac.compare_digest(digest, _digest(text)) else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
