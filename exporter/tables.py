"""What the landing page shows of a role, as plain text in rows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the landing page; the page escapes what stands in it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
