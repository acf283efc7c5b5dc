"""An answer's bytes in the codings it is sent in, made once for everybody who gets it."""

import gzip
import hashlib
from dataclasses import dataclass

_WORTH_PACKING = 1024
# More costs several times the time and saves a few percent.
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Prepared:
    """A body, its digest, and the packed form where that is smaller."""

    body: bytes
    digest: str
    packed: bytes | None

    @property
    def size(self) -> int:
        """Bytes held."""
        return len(self.body) + len(self.packed or b"")


def prepare(body: bytes) -> Prepared:
    """Return *body* ready to be sent."""
    digest = hashlib.blake2b(body, digest_size=12).hexdigest()
    packed = gzip.compress(body, _LEVEL, mtime=0) if len(body) >= _WORTH_PACKING else None
    return Prepared(body, digest, packed if packed and len(packed) < len(body) else None)
