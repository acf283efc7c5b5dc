"""The service knows which version it is."""

from importlib.metadata import PackageNotFoundError

import pytest

from queryapi import version


def test_sources_that_nobody_installed_have_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Running from a bare checkout works; the version is then unknown, not invented."""

    def nothing_installed(_name: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(version, "version", nothing_installed)

    assert "unknown" == version.current()
