"""Workers of a few of the living fleet's pods, which tell the query API how they get on.

`python -m demo.jobs --url URL`: each job is called as its pod, so that what is measured of the
pod's GPUs is measured of the job.
"""

import argparse
import math
import sys
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from demo.asking import AskError, asked
from demo.processes import StopSignal

_EVERY = 5.0
_WORKERS = 4
_NAMESPACE = "ml-team"
_EPOCHS, _EPOCH_SECONDS = 50, 30.0


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that trains; `seconds` is for how long."""

    name: str
    seconds: float

    @property
    def epoch(self) -> int:
        """The epoch that it is in, from 1."""
        return min(_EPOCHS, int(self.seconds // _EPOCH_SECONDS) + 1)

    def report(self, before: "Pod | None") -> dict[str, object]:
        """Return what its worker reports, by what it was at its last report."""
        # A pod ends when it does: before that nobody is done.
        progress = min(99.0, 100 * self.seconds / (_EPOCHS * _EPOCH_SECONDS))
        lines = [{"level": "info", "message": "loading the data set"}] if before is None else []
        if before is not None and before.epoch < self.epoch:
            loss = 0.02 + 2.5 * math.exp(-before.epoch / 12)
            lines = [
                {"level": "info", "message": f"Epoch {before.epoch}/{_EPOCHS} completed"},
                {"level": "info", "message": f"Loss: {loss:.4f}, Accuracy: {100 - 12 * loss:.2f}%"},
            ]
        return {
            "workerId": self.name,
            "namespace": _NAMESPACE,
            "progress": round(progress, 2),
            "currentOperation": f"Training epoch {self.epoch}/{_EPOCHS}",
            "logLines": lines,
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Report until a stop signal; return the exit status."""
    options = _parser().parse_args(arguments)
    stop = StopSignal()
    reported: Mapping[str, Pod] = {}
    while not stop.wait(options.every if reported else 1.0):
        try:
            reported = _reported(options.url, options.cluster, reported)
        except AskError as error:
            # The next turn may go well: a demo does not end because of one request.
            print(f"demo jobs: {error}", file=sys.stderr, flush=True)
    return 0


def pods(url: str, cluster: str) -> list[Pod]:
    """Return the training pods that run, by name; asks the query API at *url*.

    Raises:
        AskError: When it does not answer.
    """
    query = urllib.parse.urlencode({"cluster": cluster, "namespace": _NAMESPACE})
    answer = asked(f"{url}/api/v1/realtime/running-tasks?{query}")
    found = {
        task["pod_name"]: Pod(task["pod_name"], float(task["running_time_seconds"]))
        for task in answer["data"]["tasks"]
    }
    return [found[name] for name in sorted(found)]


def _reported(url: str, cluster: str, before: Mapping[str, Pod]) -> Mapping[str, Pod]:
    """Report once for each; return of whom."""
    running = {pod.name: pod for pod in pods(url, cluster)}
    for name in before.keys() - running.keys():
        end = {"workerId": name, "status": "completed", "result": {"epochs": before[name].epoch}}
        asked(f"{url}/api/jobs/{name}/complete", end)
    # Who has begun goes on; others take the places of those that have ended.
    kept = [name for name in before if name in running]
    new = [name for name in running if name not in before]
    now = {name: running[name] for name in (*kept, *new)[:_WORKERS]}
    for name, pod in now.items():
        asked(f"{url}/api/jobs/{name}/progress", pod.report(before.get(name)))
    return now


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.jobs", description=__doc__)
    parser.add_argument("--url", required=True, help="base URL of the query API")
    parser.add_argument("--cluster", default="prod-cluster", help="whose pods they are")
    parser.add_argument("--every", type=float, default=_EVERY, help="seconds between two reports")
    return parser


if __name__ == "__main__":
    sys.exit(main())
