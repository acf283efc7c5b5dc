"""Bodies of requests: JSON and nothing that only looks like it (RFC 8259).

What two readers may understand in two ways is refused: keys that are there twice, numbers beyond
any type, text that is no Unicode. Every refusal says what and where.
"""

import hashlib
import json
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Never

import msgspec
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from queryapi.api.bounds import BODY_BYTES
from queryapi.errors import InvalidParameter, Overloaded, UnsupportedContent

_DIGITS = 18
_SHOWN = 40
_WORDS = ("true", "false", "null")
_TOO_DEEP = "the body is nested too deeply"
_BOM = b"\xef\xbb\xbf"
# Of the threads that answer: clients may send as slowly as they like.
_WAITING = threading.BoundedSemaphore(4)


class Body(msgspec.Struct, frozen=True):
    """A JSON object.

    Args:
        fields: What it holds.
        canonical: The same as bytes, whatever the order of its keys and the space between them.
    """

    fields: Mapping[str, object]
    canonical: bytes

    @property
    def digest(self) -> str:
        """What tells this body from every other."""
        return hashlib.blake2b(self.canonical, digest_size=32).hexdigest()


def body_of(request: Request) -> Body:
    """Return the JSON object that a request brings; raises as `data_of`, and InvalidParameter."""
    return decoded(data_of(request))


def data_of(request: Request) -> bytes:
    """Return the bytes that a request brings, which it says are JSON.

    Raises:
        UnsupportedContent: When it says that it brings something else.
        InvalidParameter: When they could not be read.
        RequestEntityTooLarge: When it is too large.
        Overloaded: When too many others are waited for.
    """
    _refuse_other_kinds(request)
    # One byte more than may be there: without a length, the rest would be cut off silently.
    request.max_content_length = BODY_BYTES + 1
    try:
        with _waiting(request):
            data = request.get_data(cache=False)
    except (RequestEntityTooLarge, Overloaded):
        raise
    except Exception as error:  # each server has errors of its own for chunks that are broken
        raise InvalidParameter("the body could not be read to its end") from error
    if len(data) > BODY_BYTES:
        raise RequestEntityTooLarge
    return data


def decoded(data: bytes) -> Body:
    """Return the JSON object that *data* is; raises InvalidParameter."""
    fields = fields_of(data)
    try:
        # Raises where text holds half a character, which JSON can write with \u and nobody read.
        return Body(fields, msgspec.json.encode(fields, order="deterministic"))
    except UnicodeEncodeError as error:
        raise InvalidParameter("the body holds half of a surrogate pair") from error
    except RecursionError as error:
        raise InvalidParameter(_TOO_DEEP) from error


def fields_of(data: bytes, *, lenient: bool = False) -> dict[str, object]:
    """Return what the JSON object holds that *data* is; raises InvalidParameter.

    Args:
        data: As it came.
        lenient: Whether numbers that are none, or larger than any, are null instead of refused.
    """
    if not data.strip():
        raise InvalidParameter("the body is empty: it must be a JSON object")
    if data.startswith(_BOM):
        raise InvalidParameter("the body begins with a byte order mark: leave it out")
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_unique,
            parse_constant=_null if lenient else _no_number,
            parse_float=_finite_or_null if lenient else _finite,
            parse_int=_bounded_or_null if lenient else _bounded,
        )
    except UnicodeDecodeError as error:
        raise InvalidParameter(f"the body is not UTF-8: see byte {error.start}") from error
    except RecursionError as error:
        raise InvalidParameter(_TOO_DEEP) from error
    except json.JSONDecodeError as error:
        raise InvalidParameter(_syntax(error)) from error
    if not isinstance(value, dict):
        raise InvalidParameter("the body must be a JSON object")
    return value


@contextmanager
def _waiting(request: Request) -> Iterator[None]:
    """Wait for a body, but not with all threads; the server has waited for most of them."""
    if getattr(request.environ.get("gunicorn.socket"), "has_body", False):
        yield
        return
    if not _WAITING.acquire(blocking=False):
        raise Overloaded("too many long bodies are on their way: try again", retry_after=1)
    try:
        yield
    finally:
        _WAITING.release()


def _refuse_other_kinds(request: Request) -> None:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset not in ("utf-8", "utf8"):
        raise UnsupportedContent("Content-Type must be application/json")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedContent("Content-Encoding must be left out: the body is sent as it is")


def _syntax(error: json.JSONDecodeError) -> str:
    rest = error.doc[error.pos :].strip()
    cut = any(word.startswith(rest) for word in _WORDS)
    if cut or error.msg.startswith("Unterminated string"):
        return "the body ends too early: it is no whole JSON value"
    what = (error.msg[:1].lower() + error.msg[1:]).removesuffix(" at")
    return f"the body is not JSON: {what} at line {error.lineno}, column {error.colno}"


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        # set.add returns None: a key is kept as twice when it is seen already.
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidParameter(f"the key {json.dumps(twice[:_SHOWN])} is there twice in one object")
    return found


def _no_number(text: str) -> Never:
    raise InvalidParameter(f"{text} is no number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidParameter(f"the number {text[:_SHOWN]} is too large")
    return number


def _bounded(text: str) -> int:
    if len(text.lstrip("-")) > _DIGITS:
        raise InvalidParameter(f"a number of more than {_DIGITS} digits is too large")
    return int(text)


def _null(_: str) -> None:
    return None


def _finite_or_null(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _bounded_or_null(text: str) -> int | None:
    return int(text) if len(text.lstrip("-")) <= _DIGITS else None
