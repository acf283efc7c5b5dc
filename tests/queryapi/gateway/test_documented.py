"""docs/streaming.md shows a client that works."""

import re
from pathlib import Path

import pytest

from demo.processes import LOOPBACK
from demo.stack import ROOT
from queryapi.settings import Auth, Role
from tests.support.access import issue
from tests.support.streaming import streaming

_PAGE = (ROOT / "docs" / "streaming.md").read_text()


class _Enough(Exception):  # noqa: N818 - no error
    """A message came."""


def test_the_client_that_is_shown_gets_messages(tmp_path: Path) -> None:
    """With a token in its header, at the URL that the page names."""
    [program] = re.findall(r"```python\n(.*?)```", _PAGE, re.DOTALL)
    [path] = re.findall(r"^    ws://127\.0\.0\.1:8081(\S+)$", _PAGE, re.MULTILINE)
    tokens = tmp_path / "tokens.json"
    token = issue(tokens, Role.VIEWER)
    told = list[str]()

    def show(message: str) -> None:
        told.append(message)
        raise _Enough

    with streaming(auth=Auth(tokens_file=str(tokens))) as gateway:
        names = {"URL": f"ws://{LOOPBACK}:{gateway.port}{path}", "TOKEN": token, "print": show}
        with pytest.raises(_Enough):
            exec(program, names)  # noqa: S102 - our own page

    assert '"number": 1' in told[0]
