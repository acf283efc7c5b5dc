"""Stands where the gate stands: says who is asking of the application behind it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from queryapi.access.principal import Principal, Scope
from queryapi.api.endpoints import ENDPOINTS
from queryapi.api.visit import ENVIRON_KEY, Visit
from queryapi.settings import Role

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def visit_of(scope: Scope) -> Visit:
    """Return the visit of a viewer of *scope*, as the gate puts it into the environment."""
    return Visit("request-1", Principal("viewer", Role.VIEWER, scope), ENDPOINTS[0])


def visited(wsgi: "WSGIApplication", scope: Scope) -> "WSGIApplication":
    """Return *wsgi* as a viewer of *scope* meets it."""

    def application(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        environ[ENVIRON_KEY] = visit_of(scope)
        return wsgi(environ, start)

    return application
