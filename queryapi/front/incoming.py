"""What a request brings along: its query, and a body that is judged before a byte is read."""

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from werkzeug.exceptions import RequestEntityTooLarge

from queryapi.api.bounds import BODY_BYTES
from queryapi.api.visit import Query
from queryapi.errors import InvalidParameter

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# More digits are more bytes than anybody has.
_DIGITS = 18
# Clients ask the same again and again; longer ones are nobody's habit.
_QUERIES_KEPT = 512
_QUERY_KEPT_LENGTH = 512
_ASCII = "".join(map(chr, range(0x80)))


def refuse_unreadable(environ: "WSGIEnvironment") -> None:
    """Refuse a body that says it is too large, or does not say how large it is.

    Raises:
        InvalidParameter: When its length is no number.
        RequestEntityTooLarge: When it is too large.
    """
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()):
        raise InvalidParameter("Invalid header: Content-Length is not a number")
    if len(length.lstrip("0")) > _DIGITS or int(length) > BODY_BYTES:
        raise RequestEntityTooLarge


def has_body(environ: "WSGIEnvironment") -> bool:
    """Tell whether the request came with a body."""
    return environ.get("CONTENT_LENGTH", "") not in ("", "0") or (
        "HTTP_TRANSFER_ENCODING" in environ
    )


def readable_query(environ: "WSGIEnvironment") -> Query | None:
    """Return the decoded parameters as Flask decodes them; None = only Flask knows how.

    Bytes that should have been percent-encoded are, for Flask's sake too.
    """
    text = environ.get("QUERY_STRING", "")
    if not text:
        return {}
    if not text.isascii():
        text = environ["QUERY_STRING"] = quote(text.encode("latin-1"), safe=_ASCII)
    return _known(text) if len(text) <= _QUERY_KEPT_LENGTH else _parsed(text)


def _parsed(text: str) -> Query | None:
    try:
        return parse_qs(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        return None


_known = lru_cache(_QUERIES_KEPT)(_parsed)
