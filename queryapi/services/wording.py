"""How the real-time API writes numbers and times."""

from datetime import UTC, datetime

Number = int | float
TIME_SCHEMA = {"format": "date-time"}
# Of the year 9999, the end of the calendar that timestamps are written in.
LAST_SECOND = 253_402_300_799.0


def amount(value: float) -> Number:
    """Return GPUs, nodes or tasks: whole ones as an integer, shares to three decimals."""
    rounded = round(float(value), 3)
    return int(rounded) if rounded.is_integer() else rounded


def percent(ratio: float) -> float:
    """Return a ratio as a percentage with one decimal."""
    return round(ratio * 100, 1)


def second(seconds: float) -> str:
    """Return a Unix time as the document writes it."""
    # Half the time of strftime, and the same text.
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()[:-6] + "Z"


def instant(seconds: float) -> str:
    """Return a Unix time with its milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
