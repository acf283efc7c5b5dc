"""`python -m grafana.builders` writes the dashboards; `--check` says which are out of date."""

import sys
from collections.abc import Sequence
from pathlib import Path

from grafana.builders.boards import BOARDS

_FOLDER = Path(__file__).parent.parent / "dashboards"


def main(arguments: Sequence[str]) -> int:
    """Write what differs and remove what nobody builds, or only name it; return the status."""
    built = {_FOLDER / f"{board.uid}.json": board.render() for board in BOARDS}
    outdated = [path for path, text in built.items() if _text(path) != text]
    strangers = sorted(set(_FOLDER.glob("*.json")) - set(built))
    if "--check" in arguments:
        for path in (*outdated, *strangers):
            print(f"{path.name} is out of date: run `make dashboards`", file=sys.stderr)
        return 1 if outdated or strangers else 0
    for path in outdated:
        path.write_text(built[path])
    for path in strangers:
        path.unlink()
    return 0


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
