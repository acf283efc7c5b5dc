"""What a request says of what it is to change is understood as HTTP means it."""

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from queryapi.api.bodies import Body
from queryapi.api.preconditions import expected_of, repeatable_of
from queryapi.errors import InvalidParameter, PreconditionFailed
from queryapi.services.pools.registering.drafts import Expected, Repeatable

_BODY = Body({}, b"{}")


def _request(**headers: str) -> Request:
    return Request(EnvironBuilder(method="PUT", headers=headers.items()).get_environ())


@pytest.mark.parametrize(
    ("expected", "header"),
    [
        (None, "*"),
        (None, " * "),
        ({3}, '"3.5f2b6c0e9a41d7830c1e44aa"'),
        ({3}, '"3.5f2b6c0e9a41d7830c1e44aa-gzip"'),
        ({3, 4}, '"3.a", "4.b"'),
        ({3, 4}, '"3.a","4.b" ,'),
        ({3, 4}, ', "3.a", ,, "4.b"'),
        ({4}, 'W/"3.a", "4.b"'),
        (set(), 'W/"3.a"'),
        (set(), '"x"'),
        (set(), '""'),
        (set(), '"3"'),
        (set(), '"-3.a"'),
        (set(), f'"{"9" * 5000}.a"'),
        ({0}, '"0.a"'),
    ],
)
def test_if_match_names_versions(expected: Expected, header: str) -> None:
    """Any with *; none that fits where it names others' tags, or weak ones."""
    assert expected == expected_of(_request(**{"If-Match": header}))


def test_without_if_match_any_version_may_be_changed() -> None:
    """Clients of the document know nothing of it."""
    assert expected_of(_request()) is None


@pytest.mark.parametrize(
    "header", ["", "3", "3.a", '"3.a, 4.b"', '"3.a', "'3.a'", '"3.a" "4.b"', '*, "3.a"', "W/*"]
)
def test_an_if_match_that_cannot_be_read_changes_nothing(header: str) -> None:
    """A client that wants to be careful is not taken for one that does not."""
    with pytest.raises(InvalidParameter, match=r'^If-Match must be \* or ETags such as "3.5f2b'):
        expected_of(_request(**{"If-Match": header}))


def test_what_is_there_is_not_changed_by_who_wants_it_not_to_be() -> None:
    """If-None-Match: * is for those who create; here only what is there is changed."""
    with pytest.raises(PreconditionFailed):
        expected_of(_request(**{"If-None-Match": "*"}))


@pytest.mark.parametrize("key", ["a", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "~!"])
def test_a_key_names_a_request(key: str) -> None:
    """Any visible ASCII."""
    assert Repeatable(key, _BODY.digest) == repeatable_of(
        _request(**{"Idempotency-Key": key}), _BODY
    )


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ü", "a\tb"])
def test_a_key_that_may_be_two_is_refused(key: str) -> None:
    """Too long, empty, or of characters that proxies change."""
    with pytest.raises(InvalidParameter, match=r"must be 1 to 255 visible ASCII characters$"):
        repeatable_of(_request(**{"Idempotency-Key": key}), _BODY)


def test_a_request_without_a_key_is_not_repeatable() -> None:
    """It creates each time."""
    assert repeatable_of(_request(), _BODY) is None
