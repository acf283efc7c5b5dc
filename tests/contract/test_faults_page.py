"""What the page of faults promises is held by tests: each row names some, and they exist."""

import re

import pytest

from demo.stack import ROOT

_PAGE = (ROOT / "docs" / "faults.md").read_text()
_NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")
SECTIONS = ("Prometheus", "Redis", "Database", "Processes", "Kubernetes API server")


def _rows(section: str) -> list[str]:
    """Return the rows of a section's table of faults."""
    text = _PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    table = text.split("| fault |")[1].split("\n\n")[0]
    return table.splitlines()[2:]


@pytest.mark.parametrize("section", SECTIONS)
def test_each_row_names_tests_that_exist(section: str) -> None:
    """Whoever doubts a row can run what holds it."""
    rows = _rows(section)

    assert rows
    for row in rows:
        named = _NAMED.findall(row.rstrip(" |").rpartition("|")[2])
        assert named, row
        for file, test in named:
            sources = [path.read_text() for path in (ROOT / "tests").rglob(file)]
            assert any(f"\ndef {test}(" in source for source in sources), f"{file}::{test}"


def test_each_part_that_can_fail_has_a_section() -> None:
    """The page has no section that is not held to this."""
    assert list(SECTIONS) == re.findall(r"^## (.+)$", _PAGE, re.MULTILINE)
