"""How a shared value looks where it is kept: what it is, whose it is, and its bytes, packed.

A frame is one byte for its kind, the digest of its key, and the rest. The digest makes sure that
an answer meant for another question is never taken for the value, whatever mixed them up.
"""

import hashlib
import zlib
from dataclasses import dataclass

_DIGEST_BYTES = 16
_WORTH_PACKING = 1024
# More costs several times the time and saves a few percent.
_LEVEL = 1
MAX_BYTES = 16 * 1024 * 1024
# What is unpacked is bounded too: a frame of that size could hold a thousand times as much.
_MAX_UNPACKED = 256 * 1024 * 1024

_PLAIN, _PACKED, _FAILED = b"v", b"z", b"f"


@dataclass(frozen=True, slots=True)
class Failed:
    """Says that a holder could not make the value."""

    holder: str


def digest(text: str) -> bytes:
    """Return what stands for a key of any length."""
    return hashlib.blake2b(
        text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES
    ).digest()


def framed(key: bytes, value: bytes) -> bytes | None:
    """Return the frame of *value*; None when it is too large to be shared."""
    kind, body = _PLAIN, value
    if len(value) >= _WORTH_PACKING:
        packed = zlib.compress(value, _LEVEL)
        if len(packed) < len(value):
            kind, body = _PACKED, packed
    return kind + key + body if len(body) <= MAX_BYTES else None


def failure(key: bytes, failed: Failed) -> bytes:
    """Return the frame that tells those who wait that *failed* gave up."""
    return _FAILED + key + failed.holder.encode()


def unframed(key: bytes, frame: bytes | None) -> bytes | Failed | None:
    """Return what *frame* holds; None when it is none of *key*, or damaged."""
    if frame is None or frame[1 : 1 + _DIGEST_BYTES] != key:
        return None
    kind, body = frame[:1], frame[1 + _DIGEST_BYTES :]
    if kind == _PLAIN:
        return body
    if kind == _PACKED:
        return _unpacked(body)
    return Failed(body.decode(errors="replace")) if kind == _FAILED else None


def _unpacked(body: bytes) -> bytes | None:
    reader = zlib.decompressobj()
    try:
        value = reader.decompress(body, _MAX_UNPACKED)
    except zlib.error:
        return None
    # Not at its end: cut off, or larger than anything that was put there.
    return value if reader.eof else None
