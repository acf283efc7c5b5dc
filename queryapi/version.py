"""Which version this is, as the installed package says."""

from importlib.metadata import PackageNotFoundError, version


def current() -> str:
    """Return the version, `unknown` when running from sources that nobody installed."""
    try:
        return version("gpuscope")
    except PackageNotFoundError:
        return "unknown"
