"""How changes are written on a bus, whichever it is: as JSON, in pieces that it carries."""

from collections.abc import Iterator

import msgspec

from queryapi.bus.bus import Changes

_DECODE = msgspec.json.Decoder(dict[str, int]).decode
_BRACES, _COMMA = 2, 1


def packed(changes: Changes, most: int) -> Iterator[bytes]:
    """Yield words of at most so many bytes that tell of all changes."""
    held: list[bytes] = []
    size = _BRACES
    for job_id, seq in changes.items():
        part = msgspec.json.encode({job_id: seq})[1:-1]
        if _BRACES + len(part) > most:
            # Nobody has such an id; whoever follows it looks by themselves.
            continue
        if held and size + len(part) > most:
            yield _word(held)
            held, size = [], _BRACES
        held.append(part)
        size += len(part) + _COMMA
    if held:
        yield _word(held)


def unpacked(word: bytes | str) -> Changes:
    """Return what a word tells of; one that is not ours tells of nothing."""
    try:
        return _DECODE(word)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _word(parts: list[bytes]) -> bytes:
    return b"{" + b",".join(parts) + b"}"
