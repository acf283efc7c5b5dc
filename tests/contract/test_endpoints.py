"""The table of routes and the application's routes are the same."""

import re
from contextlib import closing

from queryapi import app
from queryapi.api.dialects import api_of
from queryapi.api.endpoints import ENDPOINTS
from queryapi.settings import Settings


def test_every_route_of_the_table_is_served_and_no_other() -> None:
    """Method by method: what is described answers, and nothing answers that is not."""
    with closing(app.build(Settings())) as service:
        served = {
            (method, re.sub(r"<(?:rest:)?(\w+)>", r"{\1}", rule.rule))
            for rule in service.flask.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }

    assert {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS} == served


def test_a_route_is_of_the_api_that_its_path_says() -> None:
    """Strangers are told the same of a path, whether there is something or not."""
    told = {e.path: e.api for e in ENDPOINTS if api_of(e.path) is not None}

    assert {path: api_of(path) for path in told} == told
    assert told
