"""What the pages show can be copied: settings are accepted, and lines are answered."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
import yaml
from werkzeug.test import Client

from demo.stack import ROOT
from queryapi.settings import Settings
from queryapi.settings.checks import check
from tests.support.query_service import running
from tests.support.shown import commands

_PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_TOGETHER = {"jobs", "pools"}
"""Pages whose lines build on each other: tests of their own run them one after the other."""

_KEYS = {field.encode_name for field in msgspec.structs.fields(Settings)}


def _settings() -> Iterator[Any]:
    """Yield each page's examples of gpuscope.yml; other YAML has other keys."""
    for page in _PAGES:
        for number, block in enumerate(
            re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
        ):
            content = yaml.safe_load(block)
            # A list is of routes or rules, and Compose's services are an object.
            ours = isinstance(content, dict) and not isinstance(content.get("services"), dict)
            if ours and content.keys() <= _KEYS:
                yield pytest.param(content, id=f"{page.stem}-{number}")


def _lines(page: Path) -> list[list[str]]:
    """Return the words of each line of curl that a page shows, however many lines it goes over."""
    shown = [one.text for one in commands() if one.page == page]
    ours = [text for text in shown if re.match(r"curl .*127\.0\.0\.1:8080", text)]
    return [] if page.stem in _TOGETHER else [shlex.split(text) for text in ours]


def _answered(http: Client, words: list[str]) -> int:
    """Send what a line of curl sends; returns the status."""
    url = urlsplit(next(word for word in words if word.startswith("http")))
    target = f"{url.path}?{url.query}"
    if "-d" not in words:
        return http.get(target).status_code
    sent, kind = words[words.index("-d") + 1], "application/json"
    return http.post(target, data=sent, content_type=kind).status_code


@pytest.mark.parametrize("content", list(_settings()))
def test_settings_that_are_shown_are_accepted(content: dict[str, Any], tmp_path: Path) -> None:
    """`gpuscope-api` starts with each of them as it stands, in a pod where it must be in one."""
    in_pod = tmp_path / "ca.crt"
    in_pod.touch()
    if "token_review" in content.get("auth", {}):
        content["auth"]["token_review"] |= {"ca_file": str(in_pod), "token_file": str(in_pod)}
    settings = check(msgspec.convert(content, Settings))

    assert content.keys() <= msgspec.to_builtins(settings).keys()


def test_the_pages_with_settings_are_known() -> None:
    """None is passed over because it is written in another way."""
    shown = {str(example.id).rpartition("-")[0] for example in _settings()}

    assert {"real-time-metrics", "nativelink", "prices", "security"} == shown


@pytest.mark.parametrize("page", [page for page in _PAGES if _lines(page)], ids=lambda it: it.stem)
def test_lines_that_are_shown_ask_for_what_there_is(page: Path) -> None:
    """Each has a route and parameters that are understood; this test's cluster may be silent."""
    with running(clusters=("prod-cluster",)) as service:
        http = Client(service.http.application)
        asked = {" ".join(words): _answered(http, words) for words in _lines(page)}

    assert {} == {line: status for line, status in asked.items() if status not in {200, 503}}
