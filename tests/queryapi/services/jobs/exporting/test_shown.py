"""What Prometheus is told of a job is what was said of it, and not for longer than it is true."""

from decimal import Decimal
from typing import Any

from queryapi.services.jobs.exporting import shown
from queryapi.services.jobs.money import cost_of
from queryapi.settings import Jobs
from queryapi.storage.engine import Store
from queryapi.storage.jobrecords import JobStatus, Sample, Tariff
from queryapi.telemetry.jobpage import JobsShown
from tests.support.keptjobs import event_of, job_of, keep

NOW = 1e6
SAMPLE = Sample(87, 18_000, 24_000, 72, 350)


def told(store: Store, **settings: Any) -> JobsShown:
    """Return what is told now."""
    return shown.read(store, Jobs(**settings), "QUBIC", NOW)


def values(store: Store, **settings: Any) -> dict[str, dict[str, float]]:
    """Return what is told of each job, by its id and the short names of families."""
    return {
        job.id: {
            family.name.removeprefix("gpuscope_job_"): value for family, value in job.values.items()
        }
        for job in told(store, **settings).jobs
    }


def test_a_job_is_told_in_base_units(store: Store) -> None:
    """Ratios, bytes, Unix seconds; the cost as it is now."""
    keep(
        store,
        job_of("j", created_at=NOW - 9000, started_at=NOW - 7200, reported_at=NOW - 1,
               progress=45.0, tariffs=(Tariff(0, "2"), Tariff(NOW - 3600, "4"))),
        events=[event_of(1, NOW - 2, sample=SAMPLE), event_of(2, NOW - 1)],
        lines=[(NOW, "x")] * 3,
    )  # fmt: skip

    assert {
        "info": 1,
        "progress_ratio": 0.45,
        "cost": 6,
        "last_report_timestamp_seconds": NOW - 1,
        "start_timestamp_seconds": NOW - 7200,
        "gpu_utilization_ratio": 0.87,
        "gpu_memory_used_bytes": 18_000 * 2**20,
        "gpu_memory_total_bytes": 24_000 * 2**20,
        "gpu_temperature_celsius": 72,
        "power_watts": 350,
        "log_lines_total": 3,
    } == values(store)["j"]


def test_nothing_stands_for_what_nobody_said(store: Store) -> None:
    """No zero, and no sample at all."""
    keep(store, job_of("pending", created_at=NOW, status=JobStatus.PENDING))
    keep(store, job_of("part", created_at=NOW, reported_at=NOW),
         events=[event_of(1, NOW, sample=Sample(power=0.0))])  # fmt: skip

    assert {"info", "progress_ratio", "log_lines_total"} == values(store)["pending"].keys()
    assert "gpu_utilization_ratio" not in values(store)["part"]
    assert 0.0 == values(store)["part"]["power_watts"]


def test_an_old_measurement_is_not_told(store: Store) -> None:
    """Of a job that is heard of without one as of one that is silent; it is told when that was."""
    keep(store, job_of("silent", reported_at=NOW - 301),
         events=[event_of(1, NOW - 301, sample=SAMPLE)])  # fmt: skip
    keep(store, job_of("heard", reported_at=NOW),
         events=[event_of(1, NOW - 301, sample=SAMPLE), event_of(2, NOW)])  # fmt: skip
    found = values(store, stalled_after=300)

    assert "power_watts" not in found["silent"]
    assert "power_watts" not in found["heard"]
    assert NOW - 301 == found["silent"]["last_report_timestamp_seconds"]


def test_one_that_has_ended_leaves_after_a_while(store: Store) -> None:
    """Prometheus has scraped its end by then; it stays in the number of jobs."""
    done = {"status": JobStatus.COMPLETED, "reported_at": NOW}
    keep(store, job_of("lately", ended_at=NOW - 899, **done))
    keep(store, job_of("before", ended_at=NOW - 901, **done))
    found = told(store, exported_for=900)

    assert ["lately"] == [job.id for job in found.jobs]
    assert (2, 0) == (found.statuses["COMPLETED"], found.statuses["RUNNING"])
    assert 0 == found.left_out


def test_no_more_jobs_are_told_of_than_are_wanted(store: Store) -> None:
    """The latest reported first; how many others go on is told."""
    for number in range(5):
        keep(store, job_of(f"j{number}", reported_at=NOW - number))
    keep(store, job_of("ended", status=JobStatus.FAILED, ended_at=0.0))

    assert (["j0", "j1"], 3) == (
        [job.id for job in told(store, exported=2).jobs],
        told(store, exported=2).left_out,
    )
    assert ((), 5) == (told(store, exported=0).jobs, told(store, exported=0).left_out)
    assert 0 == told(store, exported=5).left_out


def test_a_price_that_nobody_knows_makes_no_cost() -> None:
    """A part of it would look like all of it."""
    hour = {"started_at": 0.0, "ended_at": 3600.0}
    known, unknown = Tariff(0, "0.1"), Tariff(1800, None)

    assert Decimal("0.1") == cost_of(job_of("j", **hour, tariffs=(known,)), NOW)
    assert None is cost_of(job_of("j", **hour, tariffs=(known, unknown)), NOW)
    assert None is cost_of(job_of("j", **hour), NOW)
