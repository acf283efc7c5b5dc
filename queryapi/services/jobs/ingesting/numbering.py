"""Which of a worker's numbered reports are stored: the highest and those shortly below it."""

from queryapi.storage.jobrecords import Seen

WINDOW = 64
"""How far below the highest a number is remembered; as many bits as fit in a plain integer."""

_ALL = (1 << WINDOW) - 1


def has(seen: Seen, number: int) -> bool:
    """Tell whether a number was noted; of one far below nobody knows, so it was not."""
    below = seen.highest - number
    if below <= 0:
        return below == 0
    return below <= WINDOW and bool(seen.others >> (below - 1) & 1)


def noted(seen: Seen, number: int) -> Seen:
    """Return what is known once *number* is stored too."""
    above = number - seen.highest
    if above <= 0:
        # Nobody counts how far below the window a number may be.
        kept = above and -above <= WINDOW
        return Seen(seen.highest, seen.others | 1 << (-above - 1)) if kept else seen
    others = 0 if above > WINDOW else (seen.others << above | _bit(seen, above)) & _ALL
    return Seen(number, others)


def _bit(seen: Seen, above: int) -> int:
    return 1 << (above - 1) if seen.highest else 0
