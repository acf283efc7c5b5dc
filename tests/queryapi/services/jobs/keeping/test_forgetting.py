"""What is kept of jobs is bounded by the settings: by age, by size, by job and together."""

from typing import Any

from queryapi.services.jobs.keeping.forgetting import Batch, Forgetting
from queryapi.services.jobs.keeping.keeper import KEEPING
from queryapi.services.tenure import Tenure
from queryapi.settings import Jobs
from queryapi.storage import jobs
from queryapi.storage.engine import Store
from queryapi.storage.jobrecords import JobStatus
from tests.support.keptjobs import DAY, event_of, frames, job_of, keep, messages

NOW = 1000 * DAY


def forget(store: Store, batch: int = 500, **bounds: Any) -> list[Batch]:
    """Do one pass; returns its batches."""
    tenure = Tenure(store, KEEPING, 30)
    assert tenure.hold()
    forgetting = Forgetting(store, tenure, Jobs(**bounds), lambda: NOW, batch=batch)
    batches = list(forgetting.batches())
    tenure.give_back()
    return batches


def known(store: Store) -> list[str]:
    """Return the ids of all jobs, oldest first."""
    with store.reading() as session:
        return [job.id for job in jobs.page(session, limit=100)][::-1]


def test_old_reports_go_and_the_newest_of_a_job_stays(store: Store) -> None:
    """To the second; what was said of the end stays as long as the job, however old it is."""
    old, new = NOW - 7 * DAY - 1, NOW - 7 * DAY + 1
    silent = keep(store, job_of("s", created_at=NOW), events=[event_of(1, old), event_of(3, old)])
    ended = keep(
        store,
        job_of("e", created_at=NOW),
        events=[event_of(1, old), event_of(2, old, kind="completed"), event_of(3, old)],
    )
    lively = keep(
        store,
        job_of("l", created_at=NOW),
        events=[event_of(n, old) for n in range(1, 8)] + [event_of(8, new), event_of(9, NOW)],
    )
    batches = forget(store, batch=3, samples_days=7)

    assert [3] == frames(store, silent)
    assert [2, 3] == frames(store, ended)
    assert [8, 9] == frames(store, lively)
    with store.reading() as session:
        assert {"s": 1, "l": 7} == {
            job: head.forgotten for job, head in jobs.heads(session, "sl").items()
        }
    assert (9, {"samples"}) == (sum(b.rows for b in batches), {b.kind for b in batches})
    assert [] == forget(store, batch=3, samples_days=7)


def test_old_log_lines_go(store: Store) -> None:
    """By when they came, whatever their worker's clock says: the end of each log stays."""
    old, new = NOW - 14 * DAY - 1, NOW - 14 * DAY + 1
    lines = [(old, "a"), (old, "b"), (new, "c"), (new, "d")]
    told = {"created_at": NOW - DAY, "seq": 4}
    slow = keep(store, job_of("slow", **told), lines=lines, written=1.0)
    fast = keep(store, job_of("fast", **told), lines=lines, written=NOW)
    forget(store, batch=3, logs_days=14)

    assert (["c", "d"], ["c", "d"]) == (messages(store, slow), messages(store, fast))
    with store.reading() as session:
        found = jobs.one(session, "slow")
        heads = jobs.heads(session, ["slow", "fast"])
    assert found
    assert (4, 2, 2) == (found.log_lines, found.lines_forgotten, found.log_forgotten)
    assert {"slow": (slow, 4, 2), "fast": (fast, 4, 2)} == heads


def test_a_job_keeps_its_newest_lines_up_to_its_bound(store: Store) -> None:
    """The oldest go first, by how large they are as UTF-8, and no more of them than must."""
    lines = [(NOW, "\N{SNOWMAN}" * 100)] * 4 + [(NOW, "x" * 300)] * 4
    talker = keep(store, job_of("t", created_at=NOW), lines=lines)
    quiet = keep(store, job_of("q", created_at=NOW), lines=[(NOW - DAY, "kept")])
    forget(store, batch=2, log_megabytes=0.0015)

    assert ["\N{SNOWMAN}" * 100, *["x" * 300] * 4] == messages(store, talker)
    assert ["kept"] == messages(store, quiet)
    with store.reading() as session:
        found = jobs.one(session, "t")
    assert found
    assert (2400, 900, 8) == (found.log_bytes, found.log_forgotten, found.log_lines)
    assert [] == forget(store, log_megabytes=0.0015)


def test_all_jobs_together_keep_their_newest_lines(store: Store) -> None:
    """Whosever they are, the oldest by their moments go first."""
    one = keep(store, job_of("1", created_at=NOW), lines=[(NOW - n, f"{n}" * 500) for n in (6, 2)])
    two = keep(
        store, job_of("2", created_at=NOW), lines=[(NOW - n, f"{n}" * 500) for n in (5, 4, 1)]
    )
    forget(store, batch=1, total_megabytes=0.0015)

    assert (["2" * 500], ["4" * 500, "1" * 500]) == (messages(store, one), messages(store, two))


def test_jobs_are_forgotten_whole(store: Store) -> None:
    """So long after their end, or after they were last heard of: nothing of them stays."""
    long_ago, lately = NOW - 90 * DAY - 1, NOW - 90 * DAY + 1
    done = {"status": JobStatus.COMPLETED, "created_at": long_ago}
    gone = [
        keep(store, job_of("ended", ended_at=long_ago, reported_at=long_ago, **done),
             events=[event_of(n, lately) for n in range(1, 6)], lines=[(NOW, "x")] * 5),
        keep(store, job_of("silent", created_at=long_ago, reported_at=long_ago)),
        keep(store, job_of("pending", created_at=long_ago, status=JobStatus.PENDING)),
    ]  # fmt: skip
    keep(store, job_of("ended lately", ended_at=lately, **done))
    keep(store, job_of("told later", ended_at=long_ago, reported_at=lately, **done))
    keep(store, job_of("heard", created_at=long_ago, reported_at=lately))
    keep(store, job_of("new", created_at=lately, status=JobStatus.PENDING))
    forget(store, batch=2, finished_days=90, samples_days=900)

    assert ["ended lately", "told later", "heard", "new"] == known(store)
    assert [[], [], []] == [frames(store, job) for job in gone]
    assert [[], [], []] == [messages(store, job) for job in gone]


def test_what_a_forgotten_job_told_goes_though_its_keeper_was_killed(store: Store) -> None:
    """Between the job and its rows: they go by their age."""
    number = keep(store, job_of("j"), events=[event_of(1, NOW - 8 * DAY)])
    with store.writing() as session:
        session.exec_driver_sql("DELETE FROM jobs")
    forget(store, samples_days=7)

    assert [] == frames(store, number)
