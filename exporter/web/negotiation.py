"""What a client accepts, by https://www.rfc-editor.org/rfc/rfc9110#section-12.5 of HTTP."""

from collections.abc import Iterator

_OPENMETRICS = "application/openmetrics-text"
_TEXT = ("text/plain", "text/*", "*/*")


def accepts_gzip(header: str) -> bool:
    """Tell whether an Accept-Encoding asks for gzip."""
    return any(name == "gzip" and quality > 0 for name, _, quality in _items(header))


def prefers_openmetrics(header: str) -> bool:
    """Tell whether an Accept wants OpenMetrics 1.0.0 at least as much as the text format."""
    wanted = text = 0.0
    for name, parameters, quality in _items(header):
        if name == _OPENMETRICS and parameters.get("version", "1.0.0") == "1.0.0":
            wanted = max(wanted, quality)
        elif name in _TEXT and parameters.get("version", "0.0.4") == "0.0.4":
            text = max(text, quality)
    return wanted > 0 and wanted >= text


def _items(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for item in header.split(","):
        name, *rest = item.split(";")
        pairs = (part.partition("=") for part in rest)
        parameters = {key.strip().lower(): value.strip(' "') for key, _, value in pairs}
        yield name.strip().lower(), parameters, _quality(parameters.get("q", "1"))


def _quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0
