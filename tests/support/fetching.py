"""A process whose threads all want one shared part: `python -m tests.support.fetching …`.

Writes `load <pid>` for each load that begins, `wait` once for each thread that waits, and
`got <outcome> <value>` for each value that is there.
"""

import argparse
import os
import sys
import threading
import time

from prometheus_client import CollectorRegistry

from queryapi.cache.shared import SharedFlights
from queryapi.shared.redis import RedisStore
from queryapi.telemetry.sharing import FetchOutcome, Sharing


def main() -> None:
    """Fetch as the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--key", default="key")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--takes", type=float, default=0.2, help="seconds that a load takes")
    parser.add_argument("--hold", type=float, default=30.0)
    parser.add_argument("--patience", type=float, default=60.0)
    given = parser.parse_args()
    store = RedisStore(given.url, Sharing(CollectorRegistry()))
    mine = threading.local()

    def count(outcome: FetchOutcome) -> None:
        mine.outcome = outcome

    def sleep(seconds: float) -> None:
        if not hasattr(mine, "waits"):
            mine.waits = True
            _say("wait")
        time.sleep(seconds)

    flights = SharedFlights(store, count, scope="test", hold=given.hold, sleep=sleep)

    def load() -> bytes:
        _say(f"load {os.getpid()}")
        time.sleep(given.takes)
        return f"by-{os.getpid()}".encode()

    def fetch() -> None:
        value = flights.fetch(given.key, load, keep=60, patience=given.patience)
        _say(f"got {mine.outcome} {value.decode()}")

    threads = [threading.Thread(target=fetch) for _ in range(given.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()


def _say(line: str) -> None:
    # One write: lines of several threads and processes do not mix.
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    main()
