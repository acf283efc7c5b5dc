"""Which part of a cluster one of several exporters publishes, so that none is published twice."""

import zlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of `total`, counted from 0.

    A node and all pods bound to it belong to the same part, because a node's account needs its
    pods: nodes go by their names, which a bound pod knows. A pod without a node goes by its UID.
    """

    index: int = 0
    total: int = 1

    @property
    def label(self) -> str:
        """What tells this part's counts from another's; empty when there is only one part."""
        return str(self.index) if self.total > 1 else ""

    @property
    def is_first(self) -> bool:
        """True for the part that publishes what belongs to no node and no pod."""
        return self.index == 0

    def owns(self, key: str) -> bool:
        """Tell whether a node's name, or the UID of a pod without a node, falls to this part."""
        # CRC-32 is the same in every process and version, unlike `hash`.
        return self.total == 1 or zlib.crc32(key.encode()) % self.total == self.index


WHOLE = Shard()
"""All of a cluster."""
