"""Rendered lines by object and family: a line is made once per change of its object.

Objects lie in buckets. Of every bucket and family the joined lines are kept as one `Block`, so that
a scrape after a change joins, encodes and compresses anew only what stands beside the change.
"""

from collections.abc import Iterator, Mapping

from exporter.catalogue import Family
from exporter.exposition import Block, encoded, header

# Large enough that 30,000 pods make few blocks, small enough that one change costs next to nothing.
_BUCKET = 256

Lines = dict[Family, str]
"""All lines of one object, by family; several lines of one family stand in one text."""

_NO_LINES: Mapping[Family, str] = {}


class Board:
    """Keeps the lines of many objects, family by family.

    Args:
        bucket: How many objects share their blocks.
    """

    def __init__(self, bucket: int = _BUCKET) -> None:
        self._size = bucket
        self._headers: dict[Family, Block] = {}
        # Dicts used as ordered sets: what is published must not depend on hashes.
        self._buckets: dict[_Bucket, None] = {}
        self._roomy: dict[_Bucket, None] = {}
        self._bucket_of: dict[str, _Bucket] = {}

    def put(self, key: str, lines: Mapping[Family, str]) -> None:
        """Set the lines of one object; families it no longer has lose theirs.

        The mapping is kept, so it must not be changed afterwards.
        """
        if not lines:
            self.drop(key)
            return
        for family in lines:
            if family not in self._headers:
                self._headers[family] = Block(encoded(header(family)))
        bucket = self._bucket_of.get(key) or self._place(key)
        bucket.put(key, lines)

    def drop(self, key: str) -> None:
        """Remove every line of one object."""
        bucket = self._bucket_of.pop(key, None)
        if bucket is None:
            return
        bucket.drop(key)
        self._roomy[bucket] = None
        if not bucket.objects:
            del self._buckets[bucket], self._roomy[bucket]

    def blocks(self) -> Iterator[Block]:
        """Yield each family's blocks, its header first; families without lines are left out."""
        for family, above in self._headers.items():
            blocks = [block for bucket in self._buckets if (block := bucket.block(family))]
            if blocks:
                yield above
                yield from blocks

    def _place(self, key: str) -> "_Bucket":
        # A place that became free lies in a bucket that has to be joined anew in any case.
        bucket = next(iter(self._roomy), None)
        if bucket is None:
            bucket = _Bucket()
            self._buckets[bucket] = self._roomy[bucket] = None
        self._bucket_of[key] = bucket
        if len(bucket.objects) + 1 >= self._size:
            del self._roomy[bucket]
        return bucket


class _Bucket:
    """Some objects' lines, and what they make when joined."""

    __slots__ = ("_blocks", "objects")

    def __init__(self) -> None:
        self.objects: dict[str, Mapping[Family, str]] = {}
        self._blocks: dict[Family, Block | None] = {}

    def put(self, key: str, lines: Mapping[Family, str]) -> None:
        """Set one object's lines; blocks of families that stay as they were are kept."""
        before = self.objects.get(key, _NO_LINES)
        self.objects[key] = lines
        for family, text in lines.items():
            if before.get(family) != text:
                self._blocks.pop(family, None)
        for family in before:
            if family not in lines:
                self._blocks.pop(family, None)

    def drop(self, key: str) -> None:
        """Remove one object."""
        for family in self.objects.pop(key):
            self._blocks.pop(family, None)

    def block(self, family: Family) -> Block | None:
        """Return the family's lines; None when no object has any."""
        if family not in self._blocks:
            text = "".join([lines.get(family, "") for lines in self.objects.values()])
            self._blocks[family] = Block(encoded(text)) if text else None
        return self._blocks[family]
