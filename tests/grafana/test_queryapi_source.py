"""docs/grafana.md's examples of the query API as a data source."""

import re
from pathlib import Path
from typing import Any

import pytest

from demo.stack import ROOT
from tests.support.pooled import created, pooled
from tests.support.query_service import body

_ROW = re.compile(r"^\| `(/api/\S+)` \| `(\$\S*)` \| (.+) \|$", re.MULTILINE)
EXAMPLES = _ROW.findall((ROOT / "docs" / "grafana.md").read_text())


def _selected(answer: Any, root: str) -> list[Any]:
    """Return the rows at a root selector, as JSONata finds them: `$.a.b`."""
    for step in root.removeprefix("$").split(".")[1:]:
        answer = answer[step]
    return answer if isinstance(answer, list) else [answer]


@pytest.mark.parametrize(("url", "root", "columns"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_a_root_selector_finds_rows_with_all_columns(
    url: str, root: str, columns: str, tmp_path: Path
) -> None:
    """The URL is answered, and there are rows where the page says, with what it names."""
    with pooled(tmp_path) as service:
        created(service)
        answer = service.http.get(url.replace("${cluster}", "c"))

    rows = _selected(body(answer), root)

    assert 200 == answer.status_code
    assert rows
    assert set() == set(re.findall(r"`(\w+)`", columns)) - set.intersection(*map(set, rows))


def test_every_kind_of_answer_has_an_example() -> None:
    """The page's table is the one that is tested."""
    assert 5 == len(EXAMPLES)
