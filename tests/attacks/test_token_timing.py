"""How long a wrong token is looked at tells nothing of the right one."""

import ast
import hmac
import inspect
from datetime import UTC, datetime

import pytest

from queryapi.access import tokens
from queryapi.access.tokens import known, mint
from queryapi.settings import Role

pytestmark = pytest.mark.attacks

_TEXT, _TOKEN = mint(
    role=Role.VIEWER,
    name="",
    created=datetime.fromtimestamp(0, UTC),
    expires=None,
    clusters=(),
    namespaces=(),
)
_ID, _SECRET = _TEXT.split("_")[1:]
_OTHER = {digit: "0" if digit != "0" else "1" for digit in "0123456789abcdef"}
_WRONG = {
    "in its first character": f"gpuscope_{_ID}_{_OTHER[_SECRET[0]]}{_SECRET[1:]}",
    "in its last character": f"gpuscope_{_ID}_{_SECRET[:-1]}{_OTHER[_SECRET[-1]]}",
    "in its id": f"gpuscope_{_OTHER[_ID[0]]}{_ID[1:]}_{_SECRET}",
    "in its form": "gpuscope_x",
}


@pytest.mark.parametrize("wrong", _WRONG)
def test_every_wrong_token_takes_the_same_way(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One digest of all of it and one comparison in constant time, whatever is wrong with it."""
    compared: list[tuple[str, str]] = []

    def comparing(one: str, other: str) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(tokens, "hmac", type("Hmac", (), {"compare_digest": comparing}))
    book = {_TOKEN.id: _TOKEN}

    assert known(book, _WRONG[wrong]) is None
    assert [(64, 64)] == [(len(one), len(other)) for one, other in compared]
    assert _TOKEN == known(book, _TEXT)


def test_no_digest_is_compared_in_any_other_way() -> None:
    """By == a comparison ends at the first difference."""
    tree = ast.parse(inspect.getsource(known))

    assert [] == [node for node in ast.walk(tree) if isinstance(node, ast.Eq | ast.NotEq)]
