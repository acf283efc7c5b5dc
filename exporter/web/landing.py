"""The page that somebody sees who opens the exporter in a browser: plain HTML, no script."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from exporter.tables import Table
from exporter.version import __version__

_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2em;max-width:70em}"
    "table{border-collapse:collapse;margin-bottom:1.5em}"
    "th,td{border:1px solid #999;padding:.2em .6em;text-align:left;vertical-align:top}"
    "td{font-family:monospace}caption{text-align:left;font-weight:bold}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""What a browser may do with the page: show it."""


def page(role: str, state: Sequence[tuple[str, str]], links: dict[str, str],
         tables: Iterable[Table]) -> bytes:  # fmt: skip
    """Return the page.

    Args:
        role: `node` or `cluster`.
        state: What to say first, by name.
        links: Paths by what is there.
        tables: What the role has to show.
    """
    title = f"gpuscope exporter {__version__}, role {role}"
    anchors = " ".join(
        f'<a href="{escape(path)}">{escape(name)}</a>' for name, path in links.items()
    )
    first = Table("State", ("", ""), tuple(state))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n<p>{anchors}</p>\n"
        f"{''.join(map(_table, (first, *tables)))}</body></html>\n"
    ).encode("utf-8", "replace")


def _table(table: Table) -> str:
    heads = _row("th", table.columns) if any(table.columns) else ""
    rows = "".join(_row("td", row) for row in table.rows)
    return f"<table><caption>{escape(table.title)}</caption>\n{heads}{rows}</table>\n"


def _row(cell: str, texts: Iterable[str]) -> str:
    cells = "".join(f"<{cell}>{escape(text)}</{cell}>" for text in texts)
    return f"<tr>{cells}</tr>\n"


def span(seconds: float) -> str:
    """Return a length of time as people say it: `3 d 4 h`, `2 min 5 s`."""
    whole = int(seconds)
    minutes, left = divmod(whole, 60)
    hours, days = minutes // 60, whole // 86400
    parts = [(days, "d"), (hours % 24, "h"), (minutes % 60, "min"), (left, "s")]
    begun = next((index for index, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[begun : begun + 2])
