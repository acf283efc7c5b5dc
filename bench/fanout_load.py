"""Subscribers of one job, in a process of their own: prints as JSON how late they were told.

    fanout_load.py HOST:PORT PATH --job=ID --subscribers=N --seconds=S [--header=…]

A report's `currentOperation` is the moment at which it was sent, by the clock that all processes of
a machine share: how late a frame is counts from there.
"""

import argparse
import asyncio
import json
import re
import statistics
import sys
import time
from collections import Counter

from stream_load import Load, Subscriber, options

SENT = "sent at "
_SENT = re.compile(rb'"currentOperation": ?"' + SENT.encode() + rb'([0-9.]+)"')
_PROGRESS, _ACK = b'"JOB_PROGRESS"', b'"subscribed"'


class Audience(Load):
    """All who follow the job."""

    def __init__(self, told: argparse.Namespace) -> None:
        super().__init__(told)
        self._asked = json.dumps({"type": "subscribe:job", "subscriptionId": told.job})
        self.seen: Counter[bytes] = Counter()
        self.late: list[float] = []

    def opened(self, subscriber: Subscriber, head: bytes) -> None:
        """Have one subscribe."""
        subscriber.say(self._asked)
        super().opened(subscriber, head)

    def message(self, payload: bytes) -> None:
        """Note how late a report is."""
        now = time.perf_counter()
        if _ACK in payload:
            self.answers["subscribed"] += 1
        found = _SENT.search(payload) if _PROGRESS in payload else None
        if found and float(found[1]) > self.whole > 0:
            self.seen[found[1]] += 1
            self.late.append(now - float(found[1]))


def main() -> None:
    """Measure and print."""
    parser = options()
    parser.add_argument("--job", required=True)
    audience = Audience(parser.parse_args())
    asyncio.run(audience.run())
    delays = sorted(audience.late) or [0.0]
    json.dump(
        {
            "answers": audience.answers,
            "reports": len(audience.seen),
            "fewest": min(audience.seen.values(), default=0),
            "p50": statistics.median(delays) * 1000,
            "p99": delays[len(delays) * 99 // 100] * 1000,
            "max": delays[-1] * 1000,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
