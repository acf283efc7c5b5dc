"""What the query API tells of a replayed fleet, beside what is true."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

import requests

from tests.support.oracle import WHOLE, Truth
from tests.support.replayed import Replay
from tests.support.stack import RunningStack


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        what: Which one.
        at: The moment that it is about, in seconds since 1970.
        age: How old that was when it was asked for, in seconds.
        stale: Whether it says so itself.
        came: When it had come, in seconds since 1970.
        said: By name, as `of` names what is true.
    """

    what: str
    at: float
    age: float
    stale: bool
    came: float
    said: dict[str, Any]


def of(what: str, truth: Truth) -> dict[str, Any]:
    """Return what an answer must say."""
    if what == "status":
        return {
            "total": truth.total_gpus,
            "allocated": truth.allocated_gpus,
            "running": truth.running_gpu_pods,
            "free": truth.free_gpus,
            "nodes": truth.nodes_with_free_gpus,
            "block": truth.largest_free_block,
        }
    if what == "tasks":
        return {"running": truth.running_gpu_pods, "by_namespace": truth.by_namespace}
    return {"running": truth.running_gpu_pods, "queued": truth.queued}


def answers(running: RunningStack) -> Iterator[Answer]:
    """Ask for all that a trace has a truth about; raises requests.RequestException."""
    status, timing = _asked(lambda: running.ask("status"))
    usage, available = status["data"]["current_gpu_usage"], status["data"]["available_resources"]
    yield Answer(
        "status",
        *_age(status["data"]["timestamp"], timing),
        said={
            "total": usage["total_gpus"],
            "allocated": exact(usage["allocated_gpus"]),
            "running": status["data"]["running_tasks"],
            "free": available["available_gpus"],
            "nodes": available["available_nodes"],
            "block": available["max_contiguous_gpu"],
        },
    )
    tasks, timing = _asked(lambda: running.ask("running-tasks"))
    listed = tasks["data"]["tasks"]
    sums: Counter[str] = Counter()
    for task in listed:
        sums[task["namespace"]] += round(task["allocated_gpus"] * WHOLE)
    yield Answer(
        "tasks",
        *_age(tasks["data"]["timestamp"], timing),
        said={
            "running": len(listed),
            "by_namespace": {name: Fraction(milli, WHOLE) for name, milli in sums.items()},
        },
    )
    url = f"{running.api_url}/api/v1/scheduler/status"
    scheduler, timing = _asked(lambda: requests.get(url, timeout=60))
    at = timing.came - timing.age
    yield Answer(
        "scheduler",
        at,
        timing.age,
        timing.stale,
        timing.came,
        {
            "running": scheduler["executing_operations"],
            "queued": scheduler["queued_operations"],
        },
    )


def exact(number: float) -> Fraction:
    """Return a number of GPUs as it is meant."""
    return Fraction(number).limit_denominator(WHOLE)


def settled(running: RunningStack, replay: Replay) -> bool:
    """Tell whether every answer is that of where the replay stands, and there is one."""
    try:
        return not differences(running, replay.now)
    except requests.HTTPError as error:
        # A machine that is busy may have nothing new to tell of for a while.
        if error.response.status_code != requests.codes.unavailable:
            raise
        return False


def differences(running: RunningStack, truth: Truth) -> list[str]:
    """Return what answers say that is not true."""
    return [
        f"{answer.what}: {name} is {value}, not {of(answer.what, truth)[name]}"
        for answer in answers(running)
        for name, value in answer.said.items()
        if value != of(answer.what, truth)[name]
    ]


def true(answer: Answer, replay: Replay, lag: float) -> bool:
    """Tell whether an answer is the truth of its moment, or of *lag* seconds before it at most."""
    return any(
        answer.said == of(answer.what, truth)
        for truth in replay.possible(answer.at, answer.came, lag)
    )


@dataclass(frozen=True, slots=True)
class _Timing:
    asked: float
    came: float
    age: float
    stale: bool


def _asked(ask: Callable[[], requests.Response]) -> tuple[dict[str, Any], _Timing]:
    began = time.time()
    answer = ask()
    answer.raise_for_status()
    age = float(answer.headers.get("Age", 0))
    timing = _Timing(began, time.time(), age, "110" in answer.headers.get("Warning", ""))
    return answer.json(), timing


def _age(stamp: str, timing: _Timing) -> tuple[float, float, bool, float]:
    at = datetime.fromisoformat(stamp).timestamp()
    return at, timing.asked - at, timing.stale, timing.came
