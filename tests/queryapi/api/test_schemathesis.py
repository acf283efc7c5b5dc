"""Whatever a client may send by the description, the answer is in the description."""

from collections.abc import Iterator
from itertools import chain, cycle, islice
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, strategies
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from demo.processes import wait_for
from queryapi.access.policy import Permission
from queryapi.api.endpoints import ENDPOINTS, Endpoint
from tests.queryapi.api.test_documents import kept
from tests.support.api_process import api
from tests.support.prometheus import Prometheus
from tests.support.stored import prepared
from tests.support.whole import WHOLE, some

_FEW = hypothesis.settings(
    max_examples=some(5, 20),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# What a caller may send besides: nothing, or a token that nobody gave out.
_CALLERS: tuple[dict[str, str], ...] = ({}, {"Authorization": "Bearer not-a-token"})
_ENDPOINTS = [
    pytest.param(endpoint, id=f"{endpoint.method} {endpoint.path}")
    for endpoint in ENDPOINTS
    if endpoint.path != "/openapi.json"
]
_TOO_LONG = (414, 431)
_JUDGEMENTS = [negative_data_rejection, positive_data_acceptance]
_MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]


@pytest.fixture(name="in_process", scope="module")
def _in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The description as the service in this process serves it."""
    with kept(tmp_path_factory.mktemp("schemathesis")) as service:
        yield schemathesis.openapi.from_wsgi("/openapi.json", service.http.application)


@pytest.fixture(name="deployed", scope="module")
def _deployed(fleet: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The description as a process of its own serves it, over a real Prometheus."""
    folder = tmp_path_factory.mktemp("api")
    with api(folder, fleet.url, {"database_url": prepared(folder)}) as service:
        wait_for(
            lambda: (
                service.get("/api/v1/realtime/status", cluster="prod-cluster").status_code == 200
            ),
            seconds=60,
            what="the first answer",
        )
        yield schemathesis.openapi.from_url(f"{service.urls[0]}/openapi.json")


# How many cases of one route are enough, spread over all there are of it.
_ENOUGH = some(40, 1000)


def hold(schema: Any, endpoint: Endpoint, cluster: str, *, lightly: bool = False) -> None:
    """Send what the description allows and what it does not; every answer must be in it.

    Every check of schemathesis counts: no 5xx, no status, media type, header or body that is not
    described, no wrong request that succeeds, no right one that is refused, 405 with Allow for
    methods that there are not.

    Args:
        schema: The description.
        endpoint: Where it is sent.
        cluster: A cluster that there is.
        lightly: Whether it is enough to send a few of each mode.
    """
    operation = schema[endpoint.path][endpoint.method]
    # No schema can say which characters nobody sees, which version there is, or which step suits
    # which range.
    reports = endpoint.needs is Permission.REPORT
    stepped = "history" in endpoint.path or endpoint.path.endswith("/metrics")
    beyond = reports or stepped or endpoint.needs is Permission.OPERATE
    spared = [positive_data_acceptance] if beyond else []
    # A report is not refused for what is odd in it.
    spared += [negative_data_rejection] if reports else []
    cases = list(_cases(schema, operation, lightly=lightly))
    sent = cases[:: max(1, len(cases) // _ENOUGH)]
    # Each by one of them: where all are let in, a token is not looked at.
    for case, headers in zip(sent, cycle(_CALLERS), strict=False):
        answered(case, headers, spared)

    if lightly and not WHOLE:
        return
    # A name that exists, half of the time: else all there ever is are errors.
    queries = [operation.as_strategy(generation_mode=mode) for mode in _MODES]
    if any(parameter.name == "cluster" for parameter in operation.query):
        queries.append(operation.as_strategy(query={"cluster": cluster}))

    @_FEW
    @given(strategies.one_of(queries), strategies.sampled_from(_CALLERS))
    def send(case: Any, headers: dict[str, str]) -> None:
        answered(case, headers, spared)

    send()


def _cases(schema: Any, operation: Any, *, lightly: bool) -> Iterator[Any]:
    """Return what schemathesis sends of each mode; making all of it is dearer than sending it."""
    of_modes = (
        schema.iter_coverage_cases(
            operation, generation_modes=[mode], generation_config=schema.config.generation
        )
        for mode in _MODES
    )
    few = some(40, 400)
    return chain(*(islice(cases, 0, few, 8) if lightly else cases for cases in of_modes))


def answered(case: Any, headers: dict[str, str], spared: list[Any]) -> None:
    """Send one case and hold its answer to the description."""
    # In this process nobody unpacks what was packed.
    response = case.call(headers={"Accept-Encoding": "identity", **headers})
    # Whether such a request is right or wrong was not even looked at.
    excluded = _JUDGEMENTS if response.status_code in _TOO_LONG else spared
    # A form sends a choice that nobody made as an empty one.
    if "" in (case.query or {}).values():
        excluded = [*excluded, negative_data_rejection]
    case.validate_response(response, excluded_checks=excluded)


@pytest.mark.parametrize("endpoint", _ENDPOINTS)
def test_no_answer_is_a_surprise(in_process: Any, endpoint: Endpoint) -> None:
    """Whatever is sent, whoever sends it."""
    hold(in_process, endpoint, "c")


@pytest.mark.e2e
@pytest.mark.parametrize("endpoint", _ENDPOINTS)
def test_no_answer_of_a_real_service_is_a_surprise(deployed: Any, endpoint: Endpoint) -> None:
    """Through its HTTP server, from a real Prometheus: what is sent, the test above varies."""
    hold(deployed, endpoint, "prod-cluster", lightly=True)
