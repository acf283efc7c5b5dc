"""How many clients there may be: together, and of one caller; and what one may ask."""

from collections import Counter, defaultdict
from collections.abc import Hashable

from queryapi.errors import Overloaded, RateLimited

_RETRY_SECONDS = 5
# Each question costs the service an answer per interval; nobody has so many dashboards.
_QUESTIONS_EACH = 16


class Places:
    """Counts places that are taken.

    Args:
        most: Places there are.
        each: Places that one client may have.
    """

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._taken: dict[str, Counter[Hashable]] = defaultdict(Counter)
        self._count = 0

    def look(self) -> None:
        """Find out whether there is a place at all.

        Raises:
            Overloaded: When there is none.
        """
        if self._count >= self._most:
            raise Overloaded(
                "too many clients are connected; try again later", retry_after=_RETRY_SECONDS
            )

    def take(self, client: str, wanted: Hashable) -> None:
        """Take one for *client*, who gives it back with what was *wanted*.

        Raises:
            Overloaded: When there is none.
            RateLimited: When that client has as many as it may have, or asks too many things.
        """
        self.look()
        held = self._taken.get(client, Counter())
        if held.total() >= self._each:
            raise RateLimited("Too many connections", retry_after=_RETRY_SECONDS)
        if wanted not in held and len(held) >= _QUESTIONS_EACH:
            raise RateLimited("Too many different questions", retry_after=_RETRY_SECONDS)
        self._taken[client][wanted] += 1
        self._count += 1

    def give_back(self, client: str, wanted: Hashable) -> None:
        """Give back a place of *client*."""
        held = self._taken[client]
        self._count -= 1
        held[wanted] -= 1
        if not held[wanted]:
            del held[wanted]
        if not held:
            del self._taken[client]
