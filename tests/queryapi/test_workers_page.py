"""docs/workers.md shows programs that work, and numbers that are true."""

import logging
import re

import pytest

from demo.stack import ROOT
from queryapi import client
from queryapi.cli import main
from tests.support.jobservice import job_service

PAGE = (ROOT / "docs" / "workers.md").read_text()


def test_the_programs_report() -> None:
    """The first to the end of its job, the second what is logged."""
    reports, logs = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        with job_service() as service:
            exec(reports.replace("http://127.0.0.1:8080", service.url), {})  # noqa: S102 - our own page
            with client.JobReporter(service.url, "j", measure=lambda: None) as job:
                exec(logs, {"job": job})  # noqa: S102 - idem
                root.warning("hot")
    finally:
        root.handlers[:] = before

    told = [each.body for each in service.said]
    assert 100 == max(body.get("progress", 0) for body in told)
    assert {"accuracy": 0.985} in [body.get("result") for body in told]
    assert "hot" in service.lines()


def test_the_page_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Its bounds are the helper's, its options and statuses those of the command."""
    with pytest.raises(SystemExit):
        main(["job", "watch", "--help"])
    said = capsys.readouterr().out
    options = set(re.findall(r"(--[a-z-]+)", said)) - {"--help"}

    assert options == set(re.findall(r"`(--[a-z-]+)`", PAGE))
    assert f"{client._KEPT_LINES} lines wait" in PAGE
    assert f"after 1 to {client._LONGEST_WAIT:.0f} s" in PAGE
    for status in re.findall(r"^\| ([0-9]) \|", PAGE, re.MULTILINE)[1:]:
        assert f"{status}:" in said
