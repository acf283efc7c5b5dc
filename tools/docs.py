"""Writes the generated pages of docs/ from the places that declare things; `--check` compares."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from exporter.catalogue import CATALOGUE, Family, Role

_ROOT = Path(__file__).parent.parent
_INTRODUCTION = (
    "Declared in `exporter/catalogue.py`. `stable`: neither name, meaning nor labels change "
    "within a major version.\n"
)
_NOTE = "<!-- Written by `make docs`; edit the code it is made from. -->\n"


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` name those that are out of date; return the status."""
    outdated = [path for path, text in pages() if not path.exists() or path.read_text() != text]
    if "--check" in arguments:
        for path in outdated:
            print(f"{path.relative_to(_ROOT)} is out of date: run `make docs`", file=sys.stderr)
        return 1 if outdated else 0
    for path, text in pages():
        path.write_text(text)
    return 0


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each page's path and text."""
    yield _ROOT / "docs" / "metrics.md", _metrics()


def _metrics() -> str:
    parts = [
        _NOTE,
        "# Metrics\n",
        _INTRODUCTION,
    ]
    titles = {
        Role.NODE: "Node exporter",
        Role.CLUSTER: "Cluster exporter",
        Role.BOTH: "Both exporters",
    }
    for role, title in titles.items():
        parts.append(f"## {title}\n")
        parts.append(_table(family for family in CATALOGUE if family.role is role))
    return "\n".join(parts)


def _table(families: Iterator[Family]) -> str:
    rows = [
        "| name | type | labels | meaning | dcgm-exporter | stability |",
        "|---|---|---|---|---|---|",
    ]
    for family in families:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        dcgm = f"`{family.dcgm}`" if family.dcgm else ""
        rows.append(
            f"| `{family.name}` | {family.kind} | {labels} | {family.help} | {dcgm} "
            f"| {family.stability} |"
        )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
