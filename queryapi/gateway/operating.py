"""What those ask over HTTP who operate the gateway."""

from collections.abc import Callable
from http import HTTPStatus

from queryapi.access.policy import Permission
from queryapi.api.dialects import Problem
from queryapi.gateway.judge import Judge
from queryapi.gateway.knock import Knock
from queryapi.gateway.pages import Page, Refused
from queryapi.settings import Api

_PATHS = frozenset({"/healthz", "/metrics"})
_METHODS = frozenset({"GET", "HEAD"})
_ALIVE = Page(HTTPStatus.OK, b'{"alive":true}', headers=[("Cache-Control", "no-store")])
_WRONG_METHOD = Problem(
    HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed", headers=(("Allow", "GET, HEAD"),)
)


class Operating:
    """Answers `/healthz` and `/metrics`.

    Args:
        exposition: Returns the metrics and their content type, by what is accepted.
        judge: Tells who asks, where the metrics are closed.
        closed: Whether they are.
    """

    def __init__(
        self, exposition: Callable[[str], tuple[bytes, str]], judge: Judge, *, closed: bool
    ) -> None:
        self._exposition = exposition
        self._judge = judge
        self._closed = closed

    async def page(self, knock: Knock, address: str) -> Page | None:
        """Return what is at the path that was asked for; None = nothing of this.

        Raises:
            QueryApiError: When it is not for this caller, or not by this method.
        """
        if knock.method not in _METHODS:
            raise Refused(_WRONG_METHOD)
        if knock.path not in _PATHS:
            return None
        if knock.path == "/healthz":
            return _ALIVE
        if self._closed:
            await self._judge.admit(
                knock.authorization, Api.REALTIME, address=address, needs=Permission.OVERSEE
            )
        body, content_type = self._exposition(knock.accept)
        return Page(HTTPStatus.OK, body, content_type)
