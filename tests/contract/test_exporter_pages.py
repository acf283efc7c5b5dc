"""What pages say of the exporters is so: commands start, flags exist, metrics are declared."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from demo.stack import ROOT
from exporter import arguments
from exporter.catalogue import CATALOGUE
from exporter.node.known import REMEDIES
from exporter.server import Publisher

_PAGES = tuple(
    ROOT / name
    for name in (
        "README.md", "docs/node.md", "docs/exporter-web.md", "docs/dcgm.md", "docs/accounting.md",
        "docs/hardware/README.md", "demo/nvml/README.md",
    )
)  # fmt: skip
_COMMAND = re.compile(r"^(?: {4})?(?:\w+=\S+ )*(gpuscope-exporter .*?)(?:#.*)?$", re.MULTILINE)
_FOREIGN = (
    "--gpu-reset",
    "--kubernetes-",
    "--collectors",
    "--config.file",
    "--storage.tsdb",
    "--check-config",
    *("--profile", "--namespace", "--set"),  # of Docker Compose and Helm
)


def _build(_: argparse.Namespace) -> Publisher:
    raise NotImplementedError


@pytest.mark.parametrize("page", _PAGES, ids=str)
def test_commands_are_understood(page: Path) -> None:
    """Every command of a page is one that the exporter starts with."""
    for command in _COMMAND.findall(page.read_text()):
        options = arguments.parser(node=_build, cluster=_build).parse_args(shlex.split(command)[1:])

        assert arguments.check(options) is None


@pytest.mark.parametrize("page", _PAGES, ids=str)
def test_flags_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every flag of a page is in `--help` of one of the roles."""
    for role in ("node", "cluster"):
        with pytest.raises(SystemExit):
            arguments.parser(node=_build, cluster=_build).parse_args([role, "--help"])
    known = set(re.findall(r"--[a-z][\w.-]*\w", capsys.readouterr().out)) | {"--help", "--runs"}
    known |= {f"--collector.{name}" for name in ("pcie_throughput",)}
    named = re.findall(r"(?<=[`\s(])--[a-z][\w.-]*\w", page.read_text())

    assert [] == [flag for flag in named if flag not in known and not flag.startswith(_FOREIGN)]


@pytest.mark.parametrize("page", _PAGES, ids=str)
def test_metrics_are_declared(page: Path) -> None:
    """Every whole name of a metric on a page is in the catalogue."""
    declared = {family.name for family in CATALOGUE}
    named = set(re.findall(r"`(gpu_[a-z0-9_]*[a-z0-9])[`{]", page.read_text()))

    # One is a word of the stand-in's for a fault.
    assert set() == named - declared - {"gpu_instance", "gpu_lost"}


def test_every_reason_is_told() -> None:
    """The page of the node exporter has each reason why a device is down."""
    told = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "node.md").read_text()))

    assert set(REMEDIES) <= told
