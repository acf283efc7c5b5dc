"""What a soak has seen that nobody should see: counted, and apart from it what faults brought."""

import json
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import inf

import requests
from soak_parts import Faults, Whole

from tests.support import told
from tests.support.job_follower import Follower
from tests.support.job_truth import check_story
from tests.support.job_workers import Ledger
from tests.support.oracle import Truth
from tests.support.replayed import Replay

KINDS = ("failed", "stale", "untrue", "lost", "undelivered", "dropped")
_SHOWN = 12


@dataclass(slots=True)
class Seen:
    """All that is counted; by fault, "" = none.

    Attributes:
        faults: What may explain something.
        compared: Answers that were compared with the truth.
    """

    faults: Faults
    compared: int = 0
    counts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    words: Counter[str] = field(default_factory=Counter)

    def note(self, kind: str, what: str, moment: float | None = None, times: int = 1) -> None:
        """Count something that was seen at a moment; None = no fault excuses it."""
        cause = "" if moment is None else self.faults.during(moment)
        self.counts[cause][kind] += times
        self.words[f"{cause or 'no fault'}: {kind}: {what}"] += times

    def print(self) -> None:
        """Print all of it."""
        for cause, counts in sorted(self.counts.items()):
            if cause:
                print(f"  {cause}: {dict(counts)}")
        for what, times in self.words.most_common(_SHOWN):
            print(f"    {times} times: {what}")


class Watch:
    """Compares answers with the truth, again and again."""

    def __init__(self, it: Whole, replay: Replay, seen: Seen, lag: float, promise: float) -> None:
        self._it = it
        self._replay = replay
        self._seen = seen
        self._lag = lag
        self._promise = promise

    def until(self, over: threading.Event, every: float = 1.0) -> None:
        """Compare until it is over."""
        while not over.wait(every):
            self.once()

    def once(self) -> None:
        """Compare each answer that the trace has a truth about."""
        began = time.time()
        try:
            for answer in told.answers(self._it.running):
                self._seen.compared += 1
                if not told.true(answer, self._replay, inf):
                    self._seen.note("untrue", f"{answer}", began)
                elif not told.true(answer, self._replay, self._lag):
                    self._seen.note("stale", f"{answer.what} of {self._lag:.0f} s before", began)
                if answer.stale or answer.age > self._promise:
                    self._seen.note("stale", f"{answer.what} {answer.age:.1f} s old", began)
        except requests.RequestException as error:
            self._seen.note("failed", f"{error}", began)

    def settled(self, patience: float) -> None:
        """Note what is still told wrongly after so long a standstill."""
        began, truth = time.time(), self._replay.now
        wrong = self._wrong(truth)
        while wrong and time.time() < began + patience:
            time.sleep(0.5)
            wrong = self._wrong(truth)
        self._seen.compared += 1
        for each in wrong:
            self._seen.note("untrue", f"at rest: {each}", began)

    def _wrong(self, truth: Truth) -> list[str]:
        try:
            return told.differences(self._it.running, truth)
        except requests.RequestException as error:
            return [str(error)]


def check_jobs(ledger: Ledger, follower: Follower, heads: dict[str, int], seen: Seen) -> None:
    """Compare what workers were told with what is stored, by what a follower was told."""
    for what, times in ledger.wrong.items():
        seen.note("lost", what, times=times)
    for what, times in follower.wrong.items():
        seen.note("undelivered", what, times=times)
    for id_, of in ledger.jobs.items():
        frames = [json.loads(frame) for frame in follower.frames[id_]]
        if [frame["seq"] for frame in frames] != list(range(1, heads[id_] + 1)):
            seen.note("undelivered", f"{id_}: {len(frames)} frames of {heads[id_]}")
            continue
        try:
            check_story(of, frames)
        except AssertionError as error:
            seen.note("lost", f"{id_}: {error}")
