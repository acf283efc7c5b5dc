"""What two instances of a NativeLink tell of themselves, in Prometheus' text format."""

_INSTANCES: tuple[dict[str, int], ...] = (
    {
        "worker_connected_count": 6,
        'worker_state_count{worker_state="paused"}': 2,
        'execution_active_count{execution_stage="queued",execution_instance="main"}': 4,
        'execution_active_count{execution_stage="queued",execution_instance="other"}': 1,
        'execution_active_count{execution_stage="cache_check",execution_instance="main"}': 2,
        'execution_active_count{execution_stage="executing",execution_instance="main"}': 3,
        'execution_active_count{execution_stage="unknown",execution_instance="main"}': 1,
    },
    {
        "worker_connected_count": 4,
        'worker_state_count{worker_state="draining"}': 1,
        'execution_active_count{execution_stage="executing",execution_instance="main"}': 1,
        'execution_active_count{execution_stage="completed",execution_instance="main"}': 8,
    },
)

NUMBERS = (10, 2, 1, 7, 4, 8)
"""Of both: workers, paused and draining ones; operations that wait, run and have ended."""


def exposition(prefix: str, *, factor: int = 1, at: float | None = None) -> str:
    """Return the page.

    Args:
        prefix: What a collector puts in front of names.
        factor: What every number is multiplied by.
        at: Unix time of the samples; None = that of the scrape.
    """
    when = "" if at is None else f" {round(at * 1000)}"
    return "".join(
        f"{prefix}{_with_instance(series, index)} {number * factor}{when}\n"
        for index, told in enumerate(_INSTANCES)
        for series, number in told.items()
    )


def _with_instance(series: str, index: int) -> str:
    name, _, labels = series.partition("{")
    return f'{name}{{service_instance_id="i{index}",{labels or "}"}'
