"""What a window of scheduler monitoring tells, in its oracle's words, and whether it adds up."""

from dataclasses import replace

from tests.e2e import scheduler_oracle
from tests.e2e.scheduler_oracle import Truth
from tests.support.monitored import Monitoring, Window


def shown(window: Window) -> Truth:
    """Return what the lists of a window say."""
    return scheduler_oracle.told(window.workers, window.operations)


def same(told: Truth, expected: Truth) -> bool:
    """Tell whether what was told is all of the truth and nothing else."""
    return told == replace(expected, version="")


def assert_adds_up(window: Window) -> None:
    """All counts of a window are the lengths of its own lists."""
    told = shown(window)
    counts = {name: count for name, count in window.status.items() if name != "uptime_seconds"}

    assert told.status() == counts
    assert {
        f"{count}_{group}": number
        for group in ("workers", "operations")
        for count, number in window.metrics[group].items()
    } == counts
    for worker in window.workers:
        assert not (worker["is_paused"] and worker["is_draining"])
        assert worker["can_accept_work"] is not (worker["is_paused"] or worker["is_draining"])
    running = {uid: name for name, each in told.workers.items() for uid in each.running}
    assert {
        uid: each.worker
        for uid, each in told.operations.items()
        if each.stage in {"Executing", "CacheCheck"}
    } == running
    for operation in window.operations:
        assert operation["is_finished"] is (operation["stage"] == "Completed")


def assert_filtered(api: Monitoring, window: Window) -> None:
    """Filters return exactly those of the whole list that they name, in its order."""
    operations = window.operations
    for stage in scheduler_oracle.STAGES:
        spelled = {"CacheCheck": "cache_check"}.get(stage, stage.lower())
        assert [each for each in operations if each["stage"] == stage] == api.told(
            "operations", stage=spelled
        )
    for worker in window.workers:
        if worker["running_operations"]:
            assert [each for each in operations if each["worker_id"] == worker["id"]] == api.told(
                "operations", worker_id=worker["id"]
            )
    assert operations[:3] == api.told("operations", limit=3)
