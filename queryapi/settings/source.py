"""Reads the settings from a YAML file and the environment; a mistyped name is an error."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import inspect

from queryapi.errors import ConfigurationError
from queryapi.settings.checks import check
from queryapi.settings.table import Settings

PREFIX = "GPUSCOPE_"
# Kubernetes invents GPUSCOPE_PORT_… for a Service of our name: only near misses are mistakes.
_NEAR = 0.85

Location = tuple[str, ...]


class _Yaml(yaml.SafeLoader):
    """YAML whose dates are text, as they are in JSON: what is a time is for each setting to say."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as its parent has it
        first: [(tag, form) for tag, form in known if not tag.endswith(":timestamp")]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Return the checked settings: defaults, then the file, then the environment.

    Raises:
        ConfigurationError: Naming the key, and the one that was probably meant.
    """
    return check(read(path, environment))


def read(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Return settings that are well-formed, whether or not the service can run with them.

    Raises:
        ConfigurationError: Naming the key, and the one that was probably meant.
    """
    given = _from_file(path) if path else {}
    for setting, value in _from_environment(environment):
        _put(given, setting, value)
    _check_keys(given, _struct(Settings), where="")
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(str(error).replace("`$.", "`")) from error


def environment_names() -> Mapping[str, Location]:
    """Return every variable and the path of the setting it stands for."""
    return {PREFIX + "_".join(path).upper(): path for path in _leaves(_struct(Settings), ())}


def _from_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Yaml)  # noqa: S506 - a safe one
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        # The error's own text quotes the line, which may hold a password.
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigurationError(f"{path}: is not YAML{where}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: must hold keys and values")
    return content


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[Location, object]]:
    names = environment_names()
    for variable, text in sorted(environment.items()):
        if variable in names:
            yield names[variable], _parse(variable, text)
        elif variable.startswith(PREFIX):
            _refuse_near_miss(variable, names)


def _put(given: dict[str, Any], setting: Location, value: object) -> None:
    *sections, key = setting
    for section in sections:
        given = given.setdefault(section, {})
        if not isinstance(given, dict):
            raise ConfigurationError(f"{section}: must hold keys and values")
    given[key] = value


def _refuse_near_miss(variable: str, names: Mapping[str, Location]) -> None:
    near = difflib.get_close_matches(variable, names, n=1, cutoff=_NEAR)
    if near:
        raise ConfigurationError(f"{variable}: no such setting; did you mean {near[0]}?")


def _parse(variable: str, text: str) -> object:
    if text == "null":
        return None
    if text.startswith(("[", "{")):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise ConfigurationError(f"{variable}: not JSON: {error}") from error
    listed = variable == PREFIX + "LISTEN"
    return [item.strip() for item in text.split(",")] if listed else text


def _check_keys(given: object, kind: inspect.Type, *, where: str) -> None:
    """Refuse a key that no structure has; msgspec would, but could not say what was meant."""
    if isinstance(kind, inspect.Metadata):
        _check_keys(given, kind.type, where=where)
    elif isinstance(kind, inspect.UnionType):
        for option in kind.types:
            _check_keys(given, option, where=where)
    elif isinstance(kind, inspect.VarTupleType) and isinstance(given, list):
        for index, item in enumerate(given):
            _check_keys(item, kind.item_type, where=f"{where}[{index}]")
    elif isinstance(kind, inspect.DictType) and isinstance(given, dict):
        _check_names(given, kind, where=where)
    elif isinstance(kind, inspect.StructType) and isinstance(given, dict):
        fields = {member.encode_name: member.type for member in kind.fields}
        for key, value in given.items():
            if key not in fields:
                raise ConfigurationError(_unknown(f"{where}.{key}".lstrip("."), str(key), fields))
            _check_keys(value, fields[key], where=f"{where}.{key}".lstrip("."))


def _check_names(given: dict[Any, Any], kind: inspect.DictType, *, where: str) -> None:
    for name, value in given.items():
        if isinstance(kind.key_type, inspect.StrType) and not isinstance(name, str):
            raise ConfigurationError(f'{where}: {name} is a name here: write it as "{name}"')
        _check_keys(value, kind.value_type, where=f"{where}.{name}")


def _unknown(where: str, key: str, fields: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(key, fields, n=1, cutoff=0.0)
    return f"{where}: no such setting; did you mean {near[0]}?"


def _struct(kind: type) -> inspect.StructType:
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - told to mypy
    return described


def _leaves(kind: inspect.StructType, section: Location) -> Iterator[Location]:
    for member in kind.fields:
        inner = member.type.type if isinstance(member.type, inspect.Metadata) else member.type
        if isinstance(inner, inspect.StructType):
            yield from _leaves(inner, (*section, member.encode_name))
        else:
            yield (*section, member.encode_name)
