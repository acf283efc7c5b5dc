"""Which route a path belongs to, known before Flask is asked."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from queryapi.api.endpoints import Endpoint
from queryapi.settings import Api


@dataclass(frozen=True, slots=True)
class Route:
    """All that is offered at one path.

    Args:
        template: The path, with parameters as `{name}`.
        api: Whose rules for callers apply; None = open to everyone.
        endpoints: By method, HEAD included.
        allow: What the header of that name says.
    """

    template: str
    api: Api | None
    endpoints: Mapping[str, Endpoint]
    allow: str


class Routes:
    """The table of endpoints, by path."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        by_path: dict[str, list[Endpoint]] = {}
        for endpoint in endpoints:
            by_path.setdefault(endpoint.path, []).append(endpoint)
        routes = [_route(path, found) for path, found in by_path.items()]
        self._fixed = {route.template: route for route in routes if "{" not in route.template}
        self._open = [
            (_pattern(route.template), route) for route in routes if "{" in route.template
        ]

    def find(self, path: str) -> Route | None:
        """Return the route of a normalised *path*; a fixed one comes before a template."""
        return self._fixed.get(path) or next(
            (route for pattern, route in self._open if pattern.fullmatch(path)), None
        )


def normalised(path: str) -> str:
    """Return *path* without its one trailing slash; nothing else about it is forgiven."""
    return path[:-1] if len(path) > 1 and path.endswith("/") else path or "/"


def _route(path: str, endpoints: list[Endpoint]) -> Route:
    by_method = {endpoint.method: endpoint for endpoint in endpoints}
    if "GET" in by_method:
        by_method.setdefault("HEAD", by_method["GET"])
    return Route(path, endpoints[0].api, by_method, ", ".join([*sorted(by_method), "OPTIONS"]))


def _pattern(template: str) -> re.Pattern[str]:
    segments = template.split("/")
    return re.compile("/".join("[^/]+" if "{" in part else re.escape(part) for part in segments))
