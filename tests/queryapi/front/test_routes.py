"""A path has one route."""

import pytest

from queryapi.access.policy import Permission
from queryapi.api.endpoints import Endpoint
from queryapi.front.routes import Routes, normalised
from queryapi.settings import Api


def _endpoint(method: str, path: str) -> Endpoint:
    return Endpoint(method, path, Api.JOBS, Permission.READ, "", None)


ROUTES = Routes(
    [
        _endpoint("GET", "/a/{id}"),
        _endpoint("GET", "/a/fixed"),
        _endpoint("POST", "/a/{id}/done.now"),
    ]
)


@pytest.mark.parametrize(
    ("expected", "path"),
    [
        ("/a/{id}", "/a/x"),
        ("/a/{id}", "/a/%C3%BC ü"),
        ("/a/fixed", "/a/fixed"),
        ("/a/{id}/done.now", "/a/x/done.now"),
        (None, "/a/x/doneXnow"),
        (None, "/a/"),
        (None, "/a/x/y"),
        (None, "/a//done.now"),
        (None, "/A/fixed"),
        (None, ""),
    ],
)
def test_a_parameter_is_one_segment(expected: str | None, path: str) -> None:
    """Fixed paths come first; nothing else than a parameter is variable."""
    found = ROUTES.find(path)

    assert expected == (found.template if found else None)


def test_only_get_comes_with_head() -> None:
    """A route that cannot be read has no HEAD."""
    found = ROUTES.find("/a/x/done.now")

    assert found
    assert "POST, OPTIONS" == found.allow


@pytest.mark.parametrize(
    ("expected", "path"),
    [("/", ""), ("/", "/"), ("/", "//"), ("/a", "/a/"), ("/a/", "/a//"), ("*", "*")],
)
def test_one_trailing_slash_is_forgiven(expected: str, path: str) -> None:
    """One, and nothing else."""
    assert expected == normalised(path)
