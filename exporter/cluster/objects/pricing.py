"""What somebody has written on a node that an hour of it costs."""

import math
import re
from collections.abc import Mapping, Sequence

# What Python takes for a number besides, such as `1_000` or `nan`, is none here.
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)


def hourly(
    labels: Mapping[str, str], annotations: Mapping[str, str], names: Sequence[str]
) -> float | None:
    """Return the price that the first of *names* tells; None when it is no finite number from 0 on.

    Args:
        labels: Of the node.
        annotations: Of the node; a label of the same name wins.
        names: Labels or annotations that may tell it.
    """
    told = next((text for name in names if (text := labels.get(name) or annotations.get(name))), "")
    if not _NUMBER.fullmatch(told.strip()):
        return None
    price = float(told)
    return price if math.isfinite(price) else None
