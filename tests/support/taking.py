"""A process that takes from one client's budget: `python -m tests.support.taking url times`.

Writes how many of its requests were allowed.
"""

import sys

from prometheus_client import CollectorRegistry

from queryapi.limits.bucket import Rule
from queryapi.limits.common import CommonLimiter
from queryapi.limits.local import LocalLimiter
from queryapi.shared.redis import RedisStore
from queryapi.telemetry.sharing import Sharing


def main(url: str, times: int) -> None:
    """Take as often as said, from a budget of 100 that is hardly refilled."""
    store = RedisStore(url, Sharing(CollectorRegistry()))
    rule = Rule(per_minute=1, burst=100)
    limiter = CommonLimiter(rule, store, LocalLimiter(rule))
    print(sum(limiter.take("client", "/route").allowed for _ in range(times)))  # noqa: T201
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
