"""What README.md and `make up` show as answers, beside what is really answered."""

import json
import re
import shlex
from typing import Any

import requests

from demo.stack import ROOT

_PAIR = re.compile(r"^    (curl .*\n(?:     .*\n)*)\n```json\n([^`]*)```", re.MULTILINE)
_PORT = "http://127.0.0.1:8080"
APIS = 5


def first(text: str) -> dict[str, Any]:
    """Return the answer that `make up` shows."""
    answer: dict[str, Any]
    answer, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])
    return answer


def ailing(text: str) -> int:
    """Let a GPU ail as `make up` says; return the status."""
    [(url, fault)] = re.findall(r"curl (http\S+) -d '(.+)'", text)
    return requests.post(url, data=fault, timeout=60).status_code


def differences(api_url: str) -> dict[str, list[str]]:
    """Send each request that has an answer beside it; return what is shown and not answered."""
    page = (ROOT / "README.md").read_text().replace("\\\n", " ")
    pairs = [(shlex.split(asked), json.loads(shown)) for asked, shown in _PAIR.findall(page)]
    assert len(pairs) == APIS
    missing = {words[1]: _missing(shown, _answer(words, api_url), "") for words, shown in pairs}
    return {asked: fields for asked, fields in missing.items() if fields}


def _answer(words: list[str], api_url: str) -> Any:
    url = words[1].replace(_PORT, api_url)
    if "-d" not in words:
        return requests.get(url, timeout=60).json()
    body = json.loads(words[words.index("-d") + 1])
    return requests.post(url, json=body, timeout=60).json()


def _missing(shown: Any, real: Any, path: str) -> list[str]:
    """Return where the real answer has no such field, or something else in it."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return [
            text
            for key, value in shown.items()
            for text in (
                _missing(value, real[key], f"{path}.{key}") if key in real else [f"{path}.{key}"]
            )
        ]
    if isinstance(shown, list) and isinstance(real, list):
        return _missing(shown[0], real[0], f"{path}[0]") if real else [f"{path}[0]"]
    same = isinstance(shown, str) == isinstance(real, str) and real is not None
    return [] if same else [path]
