"""What a family is, and the labels that many have."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A family's type, as the `# TYPE` line spells it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Role(StrEnum):
    """Which exporter publishes a family."""

    NODE = "node"
    CLUSTER = "cluster"
    BOTH = "both"


class Stability(StrEnum):
    """STABLE: neither name, meaning nor labels change within a major version."""

    EXPERIMENTAL = "experimental"
    STABLE = "stable"


# Compared by identity: each stands here once, and hashing all its fields would cost more than
# rendering a sample.
@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric family.

    Args:
        name: The name in the exposition.
        help: One sentence that says what a value means, its unit included.
        labels: Label names, in the order their values are given.
        role: Which exporter publishes it.
        kind: Gauge, counter or histogram.
        stability: What may still change.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    role: Role = Role.NODE
    kind: Kind = Kind.GAUGE
    stability: Stability = Stability.EXPERIMENTAL


DEVICE = ("uuid", "gpu", "node")
"""Labels of every device series; who a device is stands in `gpu_info`, who holds it elsewhere."""

INSTANCE = (*DEVICE, "gpu_instance")
"""Labels of every series of a MIG GPU instance: families apart, so that no sum counts it twice."""

SHARD = "shard"
"""Counts of a whole cluster are split over shards: the label keeps one part apart from another.

So parts are added up and replicas of one part are not. Without sharding it is absent.
"""
