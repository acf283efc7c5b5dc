"""Routes that are asked so often that Flask, which takes longer than they do, is left out."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from flask import Request

from queryapi.api.manners import Rendered
from queryapi.api.visit import ENVIRON_KEY, Visit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Answers(Protocol):
    """Answers a request."""

    def __call__(self, request: Request, visit: Visit, /) -> Rendered:
        """Return the answer; raises what the route raises."""
        ...


class Direct:
    """Answers by itself what it can, and asks Flask for the rest.

    What goes wrong is answered by the gate in front, as it answers what goes wrong there.

    Args:
        flask: Knows all routes.
        answers: By method and path, as endpoints have it.
    """

    def __init__(
        self, flask: "WSGIApplication", answers: Mapping[tuple[str, str], Answers]
    ) -> None:
        self._flask = flask
        self._answers = answers

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        visit: Visit = environ[ENVIRON_KEY]
        answers = self._answers.get((visit.endpoint.method, visit.endpoint.path))
        if answers is None:
            return self._flask(environ, start_response)
        rendered = answers(Request(environ), visit)
        status = rendered.status
        start_response(f"{status.value} {status.phrase}", rendered.headers)
        return rendered.chunks
