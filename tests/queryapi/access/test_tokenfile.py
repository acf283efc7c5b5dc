"""The file of tokens is private, whole at any moment, and holds nothing that can be used."""

import json
import os
import re
import threading
from pathlib import Path

import pytest

from queryapi.access import tokenfile
from queryapi.access.tokens import Book
from queryapi.errors import ConfigurationError
from queryapi.settings import Role
from tests.support.access import issue

_RECORD = {
    "id": "0123456789ab", "name": "n", "role": "viewer", "digest": "0" * 64,
    "created": "2026-01-01T00:00:00Z",
}  # fmt: skip


def refused(path: Path) -> str:
    """Return why a file is refused."""
    with pytest.raises(ConfigurationError) as failure:
        tokenfile.load(path)
    return str(failure.value)


def test_a_token_has_256_random_bits(tmp_path: Path) -> None:
    """Its text names its public part; no two are alike."""
    texts = {issue(tmp_path / "tokens", Role.VIEWER) for _ in range(3)}

    assert 3 == len(texts)
    assert all(re.fullmatch(r"gpuscope_[0-9a-f]{12}_[0-9a-f]{64}", text) for text in texts)


def test_what_is_kept_cannot_be_used(tmp_path: Path) -> None:
    """The file is its owner's alone and holds no secret."""
    path = tmp_path / "tokens"
    text = issue(path, Role.WORKER, name="trainer")

    assert 0o600 == path.stat().st_mode & 0o777
    assert text.rpartition("_")[2] not in path.read_text()
    assert ("worker", "trainer") == (
        (kept := json.loads(path.read_text())["tokens"][0])["role"],
        kept["name"],
    )


def test_a_file_that_others_could_read_is_closed_by_the_next_edit(tmp_path: Path) -> None:
    """Whatever its mode and whatever an interrupted edit left behind."""
    path = tmp_path / "tokens"
    issue(path, Role.VIEWER)
    path.chmod(0o644)
    (tmp_path / "tokens.new").write_text("half a")
    (tmp_path / "tokens.new").chmod(0o666)
    issue(path, Role.VIEWER)

    assert 0o600 == path.stat().st_mode & 0o777
    assert 2 == len(tokenfile.load(path).tokens)
    assert {"tokens", "tokens.lock"} == {found.name for found in tmp_path.iterdir()}


def test_writers_take_turns(tmp_path: Path) -> None:
    """No token is lost when many are made at once."""
    path = tmp_path / "tokens"
    threads = [threading.Thread(target=issue, args=(path, Role.VIEWER)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert 8 == len(tokenfile.load(path).tokens)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is replaced, where it lies."""
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "tokens")
    issue(tmp_path / "link", Role.VIEWER)

    assert (tmp_path / "link").is_symlink()
    assert 1 == len(tokenfile.load(tmp_path / "there" / "tokens").tokens)


@pytest.mark.parametrize(
    ("expected", "content"),
    [
        ("is not a file of tokens", b""),
        ("is not a file of tokens", b"\xff"),
        ("is not a file of tokens", b'{"\xff": 1}'),
        ("is not a file of tokens", b'{"tokens":' + b"[" * 9000),
        ("is not a file of tokens", b'{"version": 2, "tokens": []}'),
        ("`$.tokens[0].role`", json.dumps({"tokens": [{**_RECORD, "role": "king"}]}).encode()),
        ("`$.tokens[0].digest`", json.dumps({"tokens": [{**_RECORD, "digest": "x"}]}).encode()),
        ("two have the same id", json.dumps({"tokens": [_RECORD, _RECORD]}).encode()),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, expected: str, content: bytes) -> None:
    """The file and what is wrong in it are named."""
    path = tmp_path / "tokens"
    path.write_bytes(content)
    said = refused(path)

    assert str(path) in said
    assert expected in said


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe and nothing at all are told apart from a file, without waiting."""
    os.mkfifo(tmp_path / "pipe")

    assert "is not a file" in refused(tmp_path)
    assert "is not a file" in refused(tmp_path / "pipe")
    assert "No such file" in refused(tmp_path / "none")


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that nobody wrote by hand does not fill the memory."""
    monkeypatch.setattr(tokenfile, "_MOST_BYTES", 10)
    (tmp_path / "tokens").write_bytes(b" " * 11)

    assert "is larger than 10 bytes" in refused(tmp_path / "tokens")


def test_where_nothing_can_be_written_the_reason_is_told(tmp_path: Path) -> None:
    """A missing folder is named, and so is a target that cannot be replaced."""
    (tmp_path / "locked.lock").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "odd").mkdir()

    for path, why in (
        (tmp_path / "none" / "tokens", "No such file or directory"),
        (tmp_path / "locked", "Too many levels of symbolic links"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            issue(path, Role.VIEWER)


def test_an_edit_that_fails_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk costs the new token, not the old ones, and no half-written file stays."""
    path = tmp_path / "tokens"
    issue(path, Role.VIEWER)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left on device"):
        tokenfile.edit(path, lambda _: (Book(), None))

    assert 1 == len(tokenfile.load(path).tokens)
    assert {"tokens", "tokens.lock"} == {found.name for found in tmp_path.iterdir()}
