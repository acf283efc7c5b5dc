"""How traces go out: to addresses that may be reached, and little is read of what comes back.

This is the only file that knows requests, which OpenTelemetry sends with.
"""

from typing import Any

import requests
from requests.adapters import HTTPAdapter

from queryapi.outbound.reaching import POOLS

# A collector says in a line what it thinks of a batch.
_MOST_BYTES = 64 * 1024


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = dict(POOLS)

    def send(self, *args: Any, **options: Any) -> requests.Response:
        answer = super().send(*args, **options)
        # The connection of an answer that was not read to its end is closed.
        answer._content = answer.raw.read1(_MOST_BYTES)  # noqa: SLF001
        answer._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
        answer.close()
        return answer


def session() -> requests.Session:
    """Return what sends batches; whoever has it closes it."""
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter())
    return made
