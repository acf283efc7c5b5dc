"""Parameters of the query that several APIs take."""

from flask import request

from queryapi.api.bounds import NAME_CHARACTERS
from queryapi.api.visit import Query
from queryapi.errors import InvalidParameter


def asked() -> Query:
    """Return the query of the request that Flask is answering."""
    return request.args.to_dict(flat=False)


def first(query: Query, parameter: str) -> str | None:
    """Return the first value of a parameter, None when it is not there."""
    given = query.get(parameter)
    return given[0] if given else None


def name(query: Query, parameter: str) -> str:
    """Return the first value of a parameter that names something, empty when it is not there.

    Raises:
        InvalidParameter: When it is longer than any name.
    """
    found = first(query, parameter) or ""
    if len(found) > NAME_CHARACTERS:
        raise InvalidParameter(
            f"Invalid parameter: {parameter} is longer than {NAME_CHARACTERS} characters"
        )
    return found
