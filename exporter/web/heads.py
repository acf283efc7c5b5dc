"""The headers of a request, read in the one way that everybody in front of us reads them too."""

import re
from typing import Any

from cheroot.server import HeaderReader, comma_separated_headers  # type: ignore[attr-defined]

# RFC 9110, sections 5.1 and 5.5: no space belongs to a name, no control character to a value.
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*\r\n")
_END = b"\r\n"
# Whoever takes the first of two and whoever takes the last see two different requests.
_ONCE = frozenset({b"Host", b"Content-Length", b"Authorization"})


class StrictReader(HeaderReader):
    """Refuses what cheroot reads somehow, and another server otherwise (RFC 9112, section 11.2).

    Folded lines, names with a space behind them, control characters, two lengths: each is a way to
    have a proxy see one request here where we see two.
    """

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        """Read headers to the empty line; raises ValueError."""
        found = {} if hdict is None else hdict
        while (line := rfile.readline()) != _END:
            field = _FIELD.fullmatch(line)
            if field is None:
                raise ValueError("Malformed header")
            name, value = field[1].title(), field[2]
            if name in found and name in _ONCE:
                raise ValueError("A header is there twice")
            if found.get(name) and name in comma_separated_headers:
                value = b", ".join((found[name], value))
            found[name] = value
        return found
