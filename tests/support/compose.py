"""docker-compose.yml as an engine would understand it, as far as tests need that."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from demo.stack import ROOT

FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-+])([^}]*))?\}")


@cache
def raw() -> dict[str, Any]:
    """Return the file's content, variables and all."""
    content: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return content


def project(**variables: str) -> dict[str, Any]:
    """Return the file's content with these variables, and no others, put in."""
    content: dict[str, Any] = _put_in(raw(), variables)
    return content


def services(**variables: str) -> dict[str, dict[str, Any]]:
    """Return the services by name."""
    found: dict[str, dict[str, Any]] = project(**variables)["services"]
    return found


def mounts(service: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """Return source, path inside, and whether it can be written, of each volume of a service."""
    found = []
    for volume in service.get("volumes", []):
        source, target, *mode = volume.split(":")
        found.append((source, target, mode != ["ro"]))
    return found


def local(source: str) -> Path:
    """Return the file or folder that a mount's source is."""
    return ROOT / source


def _put_in(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _put_in(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_put_in(item, variables) for item in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _value(found, variables), value)
    return value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, operator, word = found.groups()
    given = variables.get(name, "")
    if operator == "+":
        return word if given else ""
    return given or word or ""
