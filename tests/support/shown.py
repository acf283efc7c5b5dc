"""The command lines that the pages show: each with its page, as somebody would copy it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.stack import ROOT

PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)
_FENCED = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
_INDENTED = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)
_SHELLS = {"sh", "bash", "shell", "console", ""}
_NO_COMMANDS = re.compile(r"[→│─►◄Σ]|\A[{\[]|\Aws://|\Agpu_\w+$", re.MULTILINE)
"""Drawings, JSON, formulas, addresses, PromQL."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A command, with continued lines in one; a script of several lines is one command."""

    page: Path
    text: str

    def __str__(self) -> str:
        """Return where it is, and how it begins."""
        return f"{self.page.relative_to(ROOT)}: {self.text.splitlines()[0]}"


def commands() -> list[Shown]:
    """Return every command line of every page."""
    return [Shown(page, text) for page in PAGES for text in _commands(page.read_text())]


def _commands(text: str) -> Iterator[str]:
    for language, block in _FENCED.findall(text):
        if language in _SHELLS:
            yield from _lines(block)
    for block in _INDENTED.findall(_FENCED.sub("", text)):
        shown = re.sub(r"^ {4}", "", block, flags=re.MULTILINE)
        if not _NO_COMMANDS.search(shown):
            yield from _lines(shown)


def _lines(block: str) -> Iterator[str]:
    """Yield commands one by one; loops and what is quoted over lines belong together."""
    command: list[str] = []
    for line in block.replace("\\\n", " ").splitlines():
        command.append(line)
        text = "\n".join(command)
        if _is_whole(text):
            command = []
            if text.strip():
                yield re.sub(r" {2,}", " ", text).strip()
    assert not command, f"a command that does not end: {command}"


def _is_whole(text: str) -> bool:
    quoted = re.sub(r"\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"", "", text, flags=re.DOTALL)
    opened = len(re.findall(r"(?:^|; |\n) *(?:for|until|while) ", quoted))
    closed = len(re.findall(r"\bdone\b", quoted))
    return (
        opened == closed
        and not re.search(r"['\"]", quoted)
        and quoted.count("(") == quoted.count(")")
        and not quoted.rstrip().endswith(("|", "&&"))
    )
