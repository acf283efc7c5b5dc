"""Which route a path belongs to, known before Flask is asked."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from queryapi.api.endpoints import Endpoint
from queryapi.api.endpoints.vitals import STREAMS
from queryapi.settings import Api


@dataclass(frozen=True, slots=True)
class Route:
    """All that is offered at one path.

    Args:
        template: The path, with parameters as `{name}`.
        api: Whose rules for callers apply; None = open to everyone.
        endpoints: By method, HEAD included.
        allow: What the header of that name says.
        rest: Whether the last parameter takes all that is left of a path, slashes too.
    """

    template: str
    api: Api | None
    endpoints: Mapping[str, Endpoint]
    allow: str
    rest: bool = False


class Routes:
    """The table of endpoints, by path."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        by_path: dict[str, list[Endpoint]] = {}
        for endpoint in endpoints:
            by_path.setdefault(endpoint.path, []).append(endpoint)
        routes = [_route(path, found) for path, found in by_path.items()]
        self._fixed = {route.template: route for route in routes if "{" not in route.template}
        variable = [route for route in routes if "{" in route.template]
        # Who takes whatever is left comes last.
        variable.sort(key=lambda route: route.rest)
        self._open = [(_pattern(route), route) for route in variable]

    def find(self, path: str) -> Route | None:
        """Return the route of a normalised *path*; a fixed one comes before a template."""
        return self._fixed.get(path) or next(
            (route for pattern, route in self._open if pattern.fullmatch(path)), None
        )


class Doors:
    """What each listener serves: everything, or some APIs and what is served everywhere.

    Args:
        endpoints: Every endpoint.
        apis: The only APIs that a listener serves, by its port; the others serve everything.
    """

    def __init__(
        self, endpoints: Iterable[Endpoint], apis: Mapping[int, Collection[Api]] | None = None
    ) -> None:
        every = tuple(endpoints)
        self._everything = Routes(every)
        # By what WSGI calls the port; the server takes it from its own socket, never from a header.
        self._by_port = {
            str(port): Routes(one for one in every if one.everywhere or one.api in served)
            for port, served in (apis or {}).items()
        }

    def find(self, path: str, port: str) -> Route | None:
        """Return the route of a normalised *path* on the listener at *port*."""
        return self._by_port.get(port, self._everything).find(path)

    def is_stream(self, path: str, port: str) -> bool:
        """Tell whether a path is a WebSocket's that pushes what the listener at *port* serves."""
        pushed = STREAMS.get(path)
        return pushed is not None and self.find(pushed, port) is not None


def normalised(path: str) -> str:
    """Return *path* without its one trailing slash; nothing else about it is forgiven."""
    return path[:-1] if len(path) > 1 and path.endswith("/") else path or "/"


def _route(path: str, endpoints: list[Endpoint]) -> Route:
    by_method = {endpoint.method: endpoint for endpoint in endpoints}
    if "GET" in by_method:
        by_method.setdefault("HEAD", by_method["GET"])
    return Route(
        path,
        endpoints[0].api,
        by_method,
        allow=", ".join([*sorted(by_method), "OPTIONS"]),
        rest=any(parameter.rest for parameter in endpoints[0].parameters),
    )


def _pattern(route: Route) -> re.Pattern[str]:
    *segments, last = (
        "[^/]+" if "{" in part else re.escape(part) for part in route.template.split("/")
    )
    return re.compile("/".join((*segments, ".+" if route.rest else last)), re.DOTALL)
