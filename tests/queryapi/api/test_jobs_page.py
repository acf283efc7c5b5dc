"""What docs/jobs.md shows can be copied."""

import json
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from demo.stack import ROOT
from tests.support.jobs import working

_PAGE = (ROOT / "docs" / "jobs.md").read_text()


def test_the_pages_commands_work(tmp_path: Path) -> None:
    """One after the other, each succeeds."""
    told = []
    with working(tmp_path) as service:
        for block in re.findall(r"```sh\n(.*?)```", _PAGE, re.DOTALL):
            for line in block.replace("\\\n", " ").strip().split("\ncurl"):
                words = shlex.split(line)
                url = urlsplit(next(word for word in words if word.startswith("http://")))
                body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
                path = f"{url.path}?{url.query}"
                answer = service.http.open(path, method="POST" if body else "GET", json=body)
                told.append(answer.status_code)

    assert [200, 200, 201, *[200] * 8] == told


def test_the_answers_that_are_shown_have_the_fields_that_are_sent() -> None:
    """They are JSON, in the document's form."""
    shown = [json.loads(line) for line in re.findall(r"^    (\{.*\})$", _PAGE, re.MULTILINE)]

    assert [True] * 3 == [answer["success"] for answer in shown]
    assert {"payment", "releaseTxHash"} <= shown[-1].keys()
