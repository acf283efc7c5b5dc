"""What Prometheus reads of jobs is right, whatever they are called."""

import subprocess
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from queryapi.telemetry.jobpage import FAMILIES, INFO, JobPage, JobShown, JobsShown
from queryapi.telemetry.metrics import Metrics

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
# What a database takes: no lone surrogates, no zero.
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def shown_of(ids: Iterable[str]) -> JobsShown:
    """Return jobs of which everything is known."""
    values = dict.fromkeys(FAMILIES, 1.5)
    jobs = tuple(JobShown(id_, id_, id_, (id_, id_, "RUNNING"), values) for id_ in ids)
    return JobsShown("QUBIC", jobs, {"RUNNING": len(jobs)}, left_out=3)


def page_of(shown: JobsShown | None, accept: str = "") -> str:
    """Return what /metrics would say."""
    metrics = Metrics("1")
    metrics.tell_of_jobs(JobPage(lambda: shown))
    return metrics.exposition(accept)[0].decode()


@given(st.sets(NAMES, max_size=4))
def test_any_id_is_read_back_as_it_is(ids: set[str]) -> None:
    """By the parsers of both formats."""
    shown = shown_of(ids)
    parsers: tuple[tuple[str, Any], ...] = (
        ("", text_string_to_metric_families),
        (OPENMETRICS, openmetrics_families),
    )
    for accept, families_of in parsers:
        found = {
            sample.labels["job_id"]
            for family in families_of(page_of(shown, accept))
            for sample in family.samples
            if sample.name == INFO.name
        }

        assert ids == found


@settings(max_examples=8)
@given(st.sets(NAMES, max_size=50))
def test_any_id_gives_a_page_that_prometheus_finds_no_fault_with(ids: set[str]) -> None:
    """By the checks of its own tool, names of metrics included."""
    page = page_of(shown_of(ids))
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page.encode(), capture_output=True, check=False
    )

    told = [line for line in done.stderr.decode().splitlines() if "gpuscope_job" in line]
    assert [] == told
    assert b"error" not in done.stderr


def test_a_page_is_written_once_for_what_is_told() -> None:
    """However many scrape it, in one format or another."""
    shown, metrics = shown_of(["a"]), Metrics("1")
    page = JobPage(lambda: shown)
    metrics.tell_of_jobs(page)
    metrics.exposition("")
    values = shown.jobs[0].values
    assert isinstance(values, dict)
    values.clear()

    assert b"gpuscope_job_info{" in metrics.exposition("")[0]
    assert b"gpuscope_job_info{" not in metrics.exposition(OPENMETRICS)[0]


def test_without_a_word_of_jobs_the_page_has_the_rest() -> None:
    """A database that is away takes nothing else with it."""
    for accept in ("", OPENMETRICS):
        page = page_of(None, accept)

        assert "gpuscope_job" not in page
        assert "gpuscope_api_build_info" in page
    assert page_of(shown_of(["a"]), OPENMETRICS).endswith("\n# EOF\n")
    assert 1 == page_of(shown_of(["a"]), OPENMETRICS).count("# EOF")
