"""What is known of a request before its API looks at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from flask import request

from queryapi.access.principal import Principal
from queryapi.api.endpoints import Endpoint
from queryapi.services.snapshot import Answer

ENVIRON_KEY = "gpuscope.visit"

Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: admitted, counted, of a known route."""

    id: str
    principal: Principal
    endpoint: Endpoint
    client: str = ""
    """The name under which its caller's requests are counted."""


class Ready(Protocol):
    """Tells an answer that needs no waiting, without Flask; None = ask the route."""

    def __call__(self, query: Query, principal: Principal, /) -> Answer | None:
        """Return the answer to *query*, the decoded parameters; raises what the route raises."""
        ...


def visit() -> Visit:
    """Return the visit that Flask is serving."""
    found = request.environ[ENVIRON_KEY]
    assert isinstance(found, Visit)  # noqa: S101 - told to mypy; the gate put it there
    return found
