"""Promises of rules and alerts: prometheus/tests tells them, in the language of promtool."""

import os
import subprocess
from pathlib import Path

import pytest

_TESTS = Path(__file__).parent.parent.parent / "prometheus" / "tests"
_FILES = sorted(path.name for path in _TESTS.glob("*.test.yml"))


@pytest.mark.parametrize("name", _FILES)
def test_rules_say_what_their_tests_expect(name: str) -> None:
    """Over the series of each file promtool finds what the file expects, and nothing else."""
    done = subprocess.run(
        ["promtool", "test", "rules", name],
        cwd=_TESTS,
        # It works on one thing at a time: more threads only collect its garbage more often.
        env={**os.environ, "GOMAXPROCS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr


def test_there_are_rules_to_test() -> None:
    """Each file of rules and of alerts is read by a test."""
    texts = "".join((_TESTS / name).read_text() for name in _FILES)
    home = _TESTS.parent
    sources = [*home.glob("rules/**/*.yml"), *home.glob("alerts/*.yml")]

    assert sources
    assert [] == [path for path in sources if f"../{path.relative_to(home)}" not in texts]
