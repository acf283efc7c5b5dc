"""Promises of the node role's flags, and of what its `--help` shows."""

import argparse

import pytest

from exporter import arguments, nodeflags
from exporter.node.collector import Pace
from exporter.node.collectors import COLLECTORS
from exporter.server import Publisher


def _options(*flags: str) -> argparse.Namespace:
    def build(_: argparse.Namespace) -> Publisher:
        raise NotImplementedError

    return arguments.parser(node=build, cluster=build).parse_args(["node", *flags])


def test_help_names_every_collector(capsys: pytest.CaptureFixture[str]) -> None:
    """Each stands in a line with what it reads; a star tells those that are off."""
    with pytest.raises(SystemExit):
        _options("--help")
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    for collector in COLLECTORS:
        words = [*([] if collector.default else ["*"]), collector.name, collector.help]

        assert " ".join(words) in [" ".join(line) for line in lines]


def test_no_group_is_read_more_often_than_collections_are() -> None:
    """Otherwise its values would be too old before they are read again."""
    assert Pace(5, 15, 60) == nodeflags.pace(_options())
    assert Pace(30, 30, 60) == nodeflags.pace(_options("--collection.interval=30"))
    assert Pace(90, 90, 90) == nodeflags.pace(_options("--collection.interval=90"))
    assert Pace(5, 15, 20) == nodeflags.pace(_options("--collection.slow-interval=20"))
