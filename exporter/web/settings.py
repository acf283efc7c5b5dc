"""The file of `--web.config.file`, in the format that Prometheus' own exporters share.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
"""

import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

from exporter.errors import ConfigurationError

_HEADERS: dict[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
# What one check costs doubles with each step: above this it takes longer than any scrape waits.
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}")
_MOST_BYTES = 64 * 1024
# What PyYAML raises for dates and numbers that are none, and for lists in lists without end.
_OTHER_ERRORS = (ValueError, AttributeError, RecursionError)
# The deepest that is known: http_server_config, headers, a header.
_LEVELS = 3
_VISIBLE = re.compile(r"[\x20-\x7e\t]*")


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`tls_server_config`: files or texts as they stand in the file."""

    cert: str = ""
    key: str = ""
    client_ca: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    client_auth_type: str = "NoClientCert"
    client_allowed_sans: tuple[str, ...] = ()
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()


class Http(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`http_server_config`."""

    http2: bool | None = None
    headers: dict[str, str] = {}


class WebFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; *tls_server_config* is None when nothing is said of TLS."""

    tls_server_config: Tls | None = None
    http_server_config: Http = Http()
    basic_auth_users: dict[str, str] = {}


def read(path: Path) -> WebFile:
    """Return the file's settings.

    Raises:
        ConfigurationError: When it cannot be read, or says what cannot be.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--web.config.file {path} cannot be read: {error}") from error
    if len(text) > _MOST_BYTES:
        raise ConfigurationError(f"{path} has more than {_MOST_BYTES} characters: write less")
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, *_OTHER_ERRORS) as error:
        raise ConfigurationError(f"{path} is no YAML{_where(error)}") from None  # it quotes lines
    given = {} if content is None else content
    _refuse_unknown(path, given)
    try:
        settings = msgspec.convert(_without_nothing(given), WebFile)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    _check_headers(path, settings.http_server_config.headers)
    _check_users(path, settings.basic_auth_users)
    return settings


def warnings(settings: WebFile) -> list[str]:
    """Return what the file asks for and is not done."""
    told = []
    if settings.http_server_config.http2:
        told.append("http2: true is not done: HTTP/1.1 is served, which every client speaks")
    tls = settings.tls_server_config
    if tls and tls.curve_preferences:
        told.append("curve_preferences are not used: OpenSSL offers its own, X25519 first")
    if tls and tls.client_auth_type == "RequestClientCert":
        told.append("RequestClientCert is taken as NoClientCert: nobody looks at the certificate")
    return told


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _without_nothing(given: dict[str, Any], levels: int = _LEVELS) -> dict[str, Any]:
    # A key without a value is nothing said, as in `basic_auth_users:` with all users taken out.
    return {
        key: _without_nothing(value, levels - 1) if isinstance(value, dict) and levels else value
        for key, value in given.items()
        if value is not None
    }


def _refuse_unknown(path: Path, given: object) -> None:
    parts = {"tls_server_config": Tls, "http_server_config": Http}
    _refuse_others(path, "", given, WebFile.__struct_fields__)
    assert isinstance(given, dict)  # noqa: S101 - refused above when it is not
    for name, part in parts.items():
        if given.get(name) is not None:
            _refuse_others(path, f" in {name}", given[name], part.__struct_fields__)


def _refuse_others(path: Path, where: str, given: object, known: tuple[str, ...]) -> None:
    if not isinstance(given, dict):
        raise ConfigurationError(f"{path}: no keys{where}: write one of {', '.join(known)}")
    for key in given:
        if key == "rate_limit":
            raise ConfigurationError(
                f"{path}: rate_limit is not supported: take it out, and limit the scrapes that "
                "are answered at once with --web.max-requests"
            )
        if key not in known:
            raise ConfigurationError(
                f"{path}: unknown key {key!r}{where}: write one of {', '.join(known)}"
            )


def _check_headers(path: Path, headers: dict[str, str]) -> None:
    for name, value in headers.items():
        if name not in _HEADERS:
            raise ConfigurationError(
                f"{path}: header {name!r} cannot be set: write one of {', '.join(_HEADERS)}"
            )
        allowed = _HEADERS[name]
        if allowed and value and value.lower() not in allowed:
            raise ConfigurationError(
                f"{path}: {name} cannot be {value!r}: write {' or '.join(allowed)}"
            )
        if not _VISIBLE.fullmatch(value):
            raise ConfigurationError(f"{path}: {name} is no line of ASCII: write it in one line")


def _check_users(path: Path, users: dict[str, str]) -> None:
    for name, digest in users.items():
        if not name or ":" in name:
            raise ConfigurationError(f"{path}: {name!r} is no user: write a name without a colon")
        if not _BCRYPT.fullmatch(digest):
            raise ConfigurationError(
                f"{path}: the password of {name!r} is no bcrypt hash of cost 4 to 16: write what "
                "`htpasswd -nBC 10 \"\" | tr -d ':\\n'` prints"
            )
