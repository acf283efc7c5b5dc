"""The flags about who holds a device, and whom they have asked."""

import argparse
from pathlib import Path

import pytest

from demo.kubernetes.cli import write_kubeconfig
from exporter import arguments, cli
from exporter.errors import ConfigurationError
from exporter.server import Publisher


def _options(*flags: str) -> argparse.Namespace:
    def build(_: argparse.Namespace) -> Publisher:
        raise NotImplementedError

    return arguments.parser(node=build, cluster=build).parse_args(["node", *flags])


def _asked(*flags: str) -> dict[str, str] | None:
    """Return who is asked, as the landing page tells before the first question."""
    finder = cli.holders(_options(*flags))
    if finder is None:
        return None
    (table,) = finder.held(()).tables
    return {row[0]: row[1] for row in table.rows}


def test_the_kubelet_is_asked_unless_told_otherwise() -> None:
    """The socket is asked by default; with an empty one, and nothing else, nobody is."""
    assert {
        "kubelet": "not asked yet",
        "Kubernetes API": "not asked",
        "processes": "not asked",
        "batch jobs": "not asked",
    } == _asked()
    assert _asked("--podresources.socket=") is None


def test_others_are_asked_on_request(tmp_path: Path) -> None:
    """A folder with jobs does without a kubelet; the API is one to connect to at the start."""
    write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1", tokens=[], authority=None)
    asked = _asked(
        "--podresources.socket=",
        f"--hpc-job-mapping-dir={tmp_path}",
        "--kubernetes.api",
        f"--kubeconfig={tmp_path / 'config'}",
    )

    assert asked is not None
    assert ("not asked", str(tmp_path)) == (asked["kubelet"], asked["batch jobs"])
    assert "the first list is not complete yet" == asked["Kubernetes API"]
    with pytest.raises(ConfigurationError, match="--kubeconfig"):
        _asked("--kubernetes.api", f"--kubeconfig={tmp_path / 'none'}")


def test_a_pattern_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """A resource that is no regular expression ends the start with a sentence that says so."""
    with pytest.raises(SystemExit):
        _options("--podresources.resource=(")
    assert "'(' is no regular expression" in capsys.readouterr().err
