"""`gpuscope-api token` hands out tokens once, shows what there is, and takes them back."""

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from queryapi.access import tokenfile
from queryapi.access.tokens import known
from queryapi.cli import main
from queryapi.settings import Role
from tests.support.access import issue
from tests.support.api_process import COMMAND

# In this process.
MEASURED_ELSEWHERE = True


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Tool:
    """The command, on a file of its own."""

    path: Path
    _capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str, where: Sequence[str] | None = None) -> Said:
        """Run one action."""
        file = ("--file", str(self.path)) if where is None else where
        try:
            status = main(["token", *arguments, *file])
        except SystemExit as end:
            status = int(end.code or 0)
        return Said(status, *self._capture.readouterr())


@pytest.fixture
def tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tool:
    """The command, on a file that is not there yet."""
    return Tool(tmp_path / "tokens", capsys)


def test_a_new_token_is_all_that_is_printed(tool: Tool) -> None:
    """It can be piped; what a person should know goes to stderr, without the secret."""
    said = tool.run("new", "--role", "viewer", "--expires", "30d")
    text = said.out.removesuffix("\n")

    assert 0 == said.status
    assert re.fullmatch(r"gpuscope_[0-9a-f]{12}_[0-9a-f]{64}", text)
    assert "of role viewer is good until 20" in said.err
    assert text.rpartition("_")[2] not in said.err
    token = known(tokenfile.load(tool.path).by_id(), text)
    assert token is not None
    assert token.expires is not None
    assert 30 == (token.expires - token.created).days


def test_a_token_may_be_limited(tool: Tool) -> None:
    """Name, clusters and namespaces are what was asked for."""
    limits = ("--cluster", "a", "--cluster", "b", "--namespace", "ml")
    said = tool.run("new", "--role", "worker", "--name", "trainer", *limits)
    [token] = tokenfile.load(tool.path).tokens

    assert ("trainer", Role.WORKER, ("a", "b"), ("ml",), None) == (
        token.name, token.role, token.clusters, token.namespaces, token.expires,
    )  # fmt: skip
    assert "is good until it is revoked" in said.err


def test_the_list_shows_no_secret(tool: Tool) -> None:
    """One line per token: what it may, what it sees, how long it is good."""
    over = issue(tool.path, Role.ADMIN, name="old", expires=86400)
    kept = issue(tool.path, Role.VIEWER, name="ci", clusters=("a", "b"), namespaces=("ml",))
    ids = [text.split("_")[1] for text in (over, kept)]

    assert (
        "ID            NAME  ROLE    CLUSTERS  NAMESPACES  CREATED               EXPIRES\n"
        f"{ids[0]}  old   admin   all       all         1970-01-01T00:00:00Z"
        "  1970-01-02T00:00:00Z (over)\n"
        f"{ids[1]}  ci    viewer  a,b       ml          1970-01-01T00:00:00Z  never\n"
    ) == tool.run("list").out


def test_a_token_can_be_revoked(tool: Tool) -> None:
    """By its ID; the others stay."""
    texts = [issue(tool.path, Role.VIEWER, name=name) for name in ("a", "b")]
    said = tool.run("revoke", texts[0].split("_")[1])

    assert (0, "") == (said.status, said.out)
    assert "(a) is revoked" in said.err
    assert ["b"] == [token.name for token in tokenfile.load(tool.path).tokens]


def test_what_is_not_there_is_not_revoked(tool: Tool) -> None:
    """A whole token given by mistake is not repeated; a missing file is not made."""
    nowhere = tool.run("revoke", "0123456789ab")
    text = issue(tool.path, Role.VIEWER)
    unknown = tool.run("revoke", text)

    assert (1, 1) == (nowhere.status, unknown.status)
    assert f"{tool.path}: there is no such file" in nowhere.err
    assert "has no token of that ID; `gpuscope-api token list` shows" in unknown.err
    assert text not in unknown.err


def test_the_settings_name_the_file(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before or after the command, or in the environment; the file need not be there yet."""
    config = tmp_path / "gpuscope.yml"
    config.write_text(json.dumps({"auth": {"tokens_file": str(tool.path)}}))
    new = ("new", "--role", "viewer", "--cluster", "prod-cluster")

    assert 0 == tool.run(*new, where=("--config", str(config))).status
    assert 0 == main(["--config", str(config), "token", *new])
    monkeypatch.setenv("GPUSCOPE_AUTH_TOKENS_FILE", str(tool.path))
    assert 0 == tool.run(*new, where=()).status
    assert 3 == len(tokenfile.load(tool.path).tokens)


def test_without_a_file_nothing_is_made(tool: Tool) -> None:
    """The message says how to name one."""
    said = tool.run("new", "--role", "viewer", where=())

    assert (1, "") == (said.status, said.out)
    assert "give --file, or --config with auth.tokens_file set" in said.err


def test_a_cluster_that_does_not_exist_is_refused(tool: Tool, tmp_path: Path) -> None:
    """Where the settings are known, a limit to nothing is taken for a slip."""
    config = tmp_path / "gpuscope.yml"
    config.write_text(json.dumps({"auth": {"tokens_file": str(tool.path)}}))
    limits = ("--cluster", "prod-cluster", "--cluster", "prod")
    said = tool.run("new", "--role", "viewer", *limits, where=("--config", str(config)))

    assert (1, "") == (said.status, said.out)
    assert "--cluster: 'prod' is not among the clusters" in said.err


@pytest.mark.parametrize(
    ("expected", "arguments"),
    [
        ("required: --role", ["new"]),
        ("invalid choice: 'king'", ["new", "--role", "king"]),
        ("'soon' is not a span such as 12h", ["new", "--role", "viewer", "--expires", "soon"]),
        ("'0d' is not a span", ["new", "--role", "viewer", "--expires", "0d"]),
        ("of 3650 days at most", ["new", "--role", "viewer", "--expires", "3651d"]),
        ("one line of 1 to 64", ["new", "--role", "viewer", "--name", ""]),
        ("one line of 1 to 64", ["new", "--role", "viewer", "--name", "a\nb"]),
        ("not allowed with argument", ["list", "--config", "x"]),
        ("ACTION", []),
    ],
)
def test_a_mistake_is_named(tool: Tool, expected: str, arguments: list[str]) -> None:
    """The status is 2, nothing is printed to stdout and nothing is made."""
    said = tool.run(*arguments, where=None if arguments else ())

    assert (2, "") == (said.status, said.out)
    assert expected in said.err
    assert not tool.path.exists()


def test_the_command_is_one_that_can_be_piped(tmp_path: Path) -> None:
    """As a process of its own, whose answer is a token and nothing else."""
    file = ["--file", str(tmp_path / "tokens")]

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*COMMAND, "token", *arguments, *file], capture_output=True, check=True, text=True
        )
        return done.stdout

    text = run("new", "--role", "admin").strip()
    public = text.split("_")[1]
    listed = run("list")

    assert public in listed
    assert text not in listed
