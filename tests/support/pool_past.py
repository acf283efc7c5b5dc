"""Six hours of a small fleet's recorded numbers, and what they add up to.

class       nodes       until
research-a  3 of H100   the end
research-b  2 of A100   the end
nameless    4 of L4     one hour after the start
cpus        1, no GPU   the end

Rules were evaluated every 15 s, 3 s after the quarter of a minute. Two hours after the start
nothing was for 20 minutes, and nobody ended the series; nobody measures networks.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from queryapi.services.pools.model import NodeClass

HOUR, EVERY, LATE = 3600, 15, 3
LENGTH = 6 * HOUR
# Just after a point of the grid: the next one is less than Prometheus' look-back away.
GAP = range(2 * HOUR + 30, 2 * HOUR + 30 + 1200)


class Numbers(NamedTuple):
    """Nodes of a class, the GPUs of each, and until when they were there."""

    nodes: int
    gpus: int
    until: int = LENGTH + 1


RESEARCH_A = NodeClass("research", "H100", "p5.48xlarge", "a", "eu", "aws")
RESEARCH_B = NodeClass("research", "A100", "p4d.24xlarge", "b", "eu", "aws")
NAMELESS = NodeClass("", "L4", "g6.12xlarge", "a", "", "")
CPUS = NodeClass("cpus", "", "m7i.large", "b", "eu", "aws")
FLEET = {
    RESEARCH_A: Numbers(3, 8),
    RESEARCH_B: Numbers(2, 8),
    NAMELESS: Numbers(4, 4, until=HOUR),
    CPUS: Numbers(1, 0),
}


def evaluations() -> Iterator[int]:
    """Return when rules were evaluated, in seconds since the start."""
    return (at for at in range(LATE, LENGTH + 1, EVERY) if at not in GAP)


def numbers(kind: NodeClass, at: int) -> dict[str, float]:
    """Return what was recorded of a class at one evaluation."""
    nodes, gpus, until = FLEET[kind]
    if at >= until:
        return {}
    # Another one each time, and never halfway between two that a percentage with a decimal shows.
    share = at // EVERY % 997 / 1000 + 0.0003
    found = {
        "pool:nodes:count": nodes,
        "pool:nodes_ready:sum": nodes - (at // HOUR) % 2,
        "pool:cpu_utilization_ratio:sum": nodes * share,
        "pool:cpu_utilization_ratio:count": nodes,
        "pool:memory_utilization_ratio:sum": nodes * (1 - share),
        "pool:memory_utilization_ratio:count": nodes,
    }
    if gpus:
        found |= {
            "pool:gpu_allocatable:sum": nodes * gpus,
            "pool:gpu_allocated:sum": nodes * gpus * share // 1,
            "pool:gpu_utilization_ratio:sum": nodes * gpus * share / 2,
            "pool:gpu_utilization_ratio:count": nodes * gpus,
        }
    return found


def exposition(start: int) -> Iterator[str]:
    """Return all samples in OpenMetrics, those of another cluster and of a second replica too."""
    families: dict[str, list[str]] = {}
    for at in evaluations():
        # Another cluster has the same nodes, and other numbers of them.
        for cluster, factor in (("c", 1.0), ("d", 7.0)):
            told: dict[str, float] = {
                "cluster:pool_nodes:count": 10,
                "cluster:gpu_evaluation_timestamp_seconds:max": start + at,
                "cluster:gpu_state_timestamp_seconds:min": start + at - 20,
            }
            for name, value in told.items():
                families.setdefault(name, []).append(
                    f'{name}{{cluster="{cluster}"}} {value} {start + at}\n'
                )
            for kind in FLEET:
                labels = _labels(kind, cluster)
                for name, value in numbers(kind, at).items():
                    lines = families.setdefault(name, [])
                    lines.append(f"{name}{{{labels}}} {value * factor!r} {start + at}\n")
                    lines.append(
                        f'{name}{{{labels},replica="2"}} {value * factor!r} {start + at}\n'
                    )
    for name, lines in families.items():
        # A series' samples stand together, the oldest first.
        yield f"# TYPE {name} gauge\n"
        yield from sorted(lines, key=lambda line: line.partition("}")[0])
    yield "# EOF\n"


def point(kinds: list[NodeClass], at: int, *, lag: int, limited: bool = False) -> Mapping[str, Any]:
    """Return what a history tells of some classes, so many seconds after the start."""
    seen = max((moment for moment in evaluations() if moment <= at), default=-LENGTH)
    keys = ("readyNodes", "gpus", "allocatedGpus")
    measures = ("cpu", "memory", "gpu", "network")
    if at - (seen - 20) > lag:
        return dict.fromkeys((*keys, *(f"{one}Utilization" for one in measures)))
    told = [numbers(kind, seen) for kind in kinds]

    def total(name: str) -> float:
        return sum(each.get(name, 0) for each in told)

    def ratio(measure: str) -> float | None:
        of = total(f"pool:{measure}_utilization_ratio:count")
        found = total(f"pool:{measure}_utilization_ratio:sum")
        return None if limited or not of else round(100 * found / of, 1)

    return {
        "readyNodes": total("pool:nodes_ready:sum"),
        "gpus": total("pool:gpu_allocatable:sum"),
        "allocatedGpus": None if limited else total("pool:gpu_allocated:sum"),
        **{f"{measure}Utilization": ratio(measure) for measure in measures},
    }


def _labels(kind: NodeClass, cluster: str) -> str:
    told = {"cluster": cluster, **kind._asdict()}
    return ",".join(f'{label}="{value}"' for label, value in told.items() if value)
