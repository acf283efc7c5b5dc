"""The description of every endpoint as OpenAPI 3.1: https://spec.openapis.org/oas/v3.1.1.

Nothing is written here that another place knows: routes come from the table of endpoints, bodies
from the types that are sent, failures from the functions that word them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from queryapi.api.bounds import NAME_CHARACTERS
from queryapi.api.description import failures, headers
from queryapi.api.dialects import dialect_of
from queryapi.api.endpoints import Endpoint, Parameter
from queryapi.api.endpoints.vitals import STREAMS
from queryapi.settings import Api

Json = dict[str, Any]

_ABOUT = """\
Answers from Prometheus about GPU clusters. HTTP status codes mean what they say; the body of a \
failure has the form of its API. GET answers HEAD too; a trailing slash is welcome. What is not \
measured is null or absent, never zero; only a pool's fields that are zero so are named in \
`unmeasured`."""
# OpenAPI has no words for WebSockets.
_PUSHED = """\
WebSockets are served on a port of their own, the setting `stream_listen`: `{path}` sends the \
answer of `GET {asked}` again and again, to callers who may read that. Parameters: `interval`, \
seconds between two messages (1 to 300, default 5), and `compare`, as there. Messages, tokens and \
close codes: `docs/streaming.md`."""
_FOLLOWED = """\
On the port of `stream_listen`, the WebSocket `{path}` tells of jobs to callers who may read \
`GET {asked}`, in text frames of JSON: `{{"type": …, "data": …}}`. Say \
`{{"type": "subscribe:job", "subscriptionId": "job-42"}}`: `subscribed` is answered, then how the \
job is now, then every `JOB_PROGRESS`, `JOB_LOGS` and `JOB_COMPLETED`, numbered by `seq`. With \
`since` and `epoch`, told by `GET /api/jobs/{{job_id}}/monitor` as `seq` and `epoch`, it goes on \
from there without a gap. `unsubscribe` and `ping` are understood too. All of it: \
`docs/streaming.md`."""
_STREAM_OF = {"/ws": _FOLLOWED}
_OPERATIONS = "operations"
_TAGS = {
    Api.REALTIME: "The state of a cluster, read at most once in 30 seconds for all callers.",
    Api.HEALTH: "How the services are, looked at every few seconds while somebody asks.",
    Api.MONITORING: "Workers and operations: GPU nodes and GPU pods, as a scheduler sees them.",
    Api.POOLS: "Compute pools: what is wanted of them, beside what is seen of their nodes. A pool"
    " that only nodes' labels tell of is read-only until a PUT adopts it.",
    Api.JOBS: "Jobs as their workers report them, by HTTP and, at the same moment, by WebSocket.",
    _OPERATIONS: "For operators and their tools: open to everybody who can reach the service.",
}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of `gpuscope-api token`, of an OpenID Connect issuer or of Kubernetes,"
    " as the operator has configured. Without a token only what is open to everybody answers; a"
    " wrong token is refused even there.",
}


def description(endpoints: Sequence[Endpoint], version: str) -> Json:
    """Return the OpenAPI document of *endpoints*."""
    told = (kind for endpoint in endpoints for kind in (endpoint.answer, endpoint.takes))
    types = [kind for kind in told if kind is not None]
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    bodies = dict(zip(types, schemas, strict=True))
    paths: Json = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, bodies)
    described: Json = _plain_unions(
        {
            "openapi": "3.1.1",
            "info": {
                "title": "gpuscope",
                "version": version,
                "description": "\n\n".join((_ABOUT, *_streams(endpoints))),
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "tags": [{"name": name, "description": told} for name, told in _TAGS.items()],
            "paths": paths,
            "components": {
                "schemas": {**components, **_failure_schemas(endpoints)},
                "headers": headers.components(),
                "securitySchemes": {"bearer": _BEARER},
            },
        }
    )
    return described


def _streams(endpoints: Sequence[Endpoint]) -> Iterator[str]:
    """Yield a paragraph for each WebSocket that sends an endpoint's answers."""
    routes = {endpoint.path for endpoint in endpoints}
    for path, asked in STREAMS.items():
        if asked in routes:
            yield _STREAM_OF.get(path, _PUSHED).format(path=path, asked=asked)


def _operation(endpoint: Endpoint, bodies: Mapping[type, Json]) -> Json:
    body = {"type": "string"} if endpoint.answer is None else bodies[endpoint.answer]
    operation: Json = {
        "operationId": _identifier(endpoint),
        "summary": endpoint.summary,
        "tags": [endpoint.api or _OPERATIONS],
        "responses": {**_answers(endpoint, body), **_failures(endpoint)},
    }
    if endpoint.parameters:
        operation["parameters"] = [_parameter(endpoint, p) for p in endpoint.parameters]
    if endpoint.takes is not None:
        operation["requestBody"] = _request(endpoint, bodies[endpoint.takes])
    if endpoint.api is not None or endpoint.tells_more:
        # Either is right: whether callers without a token are let in is the operator's choice.
        operation["security"] = [{"bearer": []}, {}]
    if endpoint.api is not None:
        operation["x-needs"] = endpoint.needs
    return operation


def _identifier(endpoint: Endpoint) -> str:
    words = endpoint.path.replace("{", "").replace("}", "").replace(".", "/").split("/")
    return "-".join([endpoint.method.lower(), *filter(None, words)])


def _request(endpoint: Endpoint, body: Json) -> Json:
    content: Json = {"schema": body}
    if endpoint.taken is not None:
        content["example"] = msgspec.to_builtins(endpoint.taken)
    return {"required": True, "content": {"application/json": content}}


def _value(parameter: Parameter) -> Json:
    if parameter.count:
        most = {} if parameter.most is None else {"maximum": parameter.most}
        return {"type": "integer", "minimum": parameter.least, **most}
    if parameter.header:
        return {"type": "string", "pattern": f"^(?:{parameter.pattern})$"}
    if parameter.closed:
        return {"type": "string", "enum": parameter.words}
    # Words are no enum: what is unknown is ignored, so that old servers serve new clients.
    one: Json = {"type": "string"}
    if not parameter.repeated:
        one |= {"minLength": int(parameter.required), "maxLength": NAME_CHARACTERS}
    if parameter.pattern:
        one["pattern"] = f"^(?:{parameter.pattern})?$"
    return one


def _parameter(endpoint: Endpoint, parameter: Parameter) -> Json:
    one = _value(parameter)
    described: Json = {
        "name": parameter.name,
        "in": _place(endpoint, parameter),
        "description": _with_words(parameter),
        "required": parameter.required,
        "schema": {"type": "array", "items": one} if parameter.repeated else one,
    }
    if parameter.example:
        value = int(parameter.example) if parameter.count else parameter.example
        described["example"] = [value] if parameter.repeated else value
    return described


def _place(endpoint: Endpoint, parameter: Parameter) -> str:
    if parameter.header:
        return "header"
    return "path" if f"{{{parameter.name}}}" in endpoint.path else "query"


def _with_words(parameter: Parameter) -> str:
    return parameter.about + (f" Known: {', '.join(parameter.words)}." if parameter.words else "")


def _answers(endpoint: Endpoint, body: Json) -> Json:
    content: Json = {"schema": body}
    if endpoint.example is not None:
        content["example"] = msgspec.to_builtins(endpoint.example)
    sent = _references(headers.of_answer(endpoint))
    others = {media: {"schema": {"type": "string"}} for media in endpoint.other_media}
    answers: Json = {
        str(status.value): {
            "description": status.phrase,
            "headers": sent,
            "content": {endpoint.media: content, **others},
        }
        for status in (endpoint.success, *endpoint.also)
    }
    if endpoint.aged:
        answers[str(HTTPStatus.NOT_MODIFIED.value)] = {
            "description": "If-None-Match names the answer: the caller has it already.",
            "headers": sent,
        }
    return answers


def _failures(endpoint: Endpoint) -> Json:
    return {
        str(failure.status.value): {
            "description": failure.meaning,
            "headers": _references(headers.of_failure(endpoint, failure.status)),
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{_failure_name(endpoint)}"},
                    "example": failure.body,
                }
            },
        }
        for failure in failures.failures_of(endpoint)
    }


def _failure_schemas(endpoints: Iterable[Endpoint]) -> Json:
    samples: dict[str, list[object]] = {}
    for endpoint in endpoints:
        found = samples.setdefault(_failure_name(endpoint), [])
        found += [failure.body for failure in failures.failures_of(endpoint)]
    return {name: failures.schema_of(found) for name, found in samples.items()}


def _failure_name(endpoint: Endpoint) -> str:
    """Return what the form of an endpoint's failures is called: each API may have its own."""
    special = endpoint.api is not None and dialect_of(endpoint.path) != dialect_of("/")
    return f"{endpoint.api.title()}Error" if special and endpoint.api else "Error"


def _references(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _plain_unions(node: Any) -> Any:
    """Return *node* with unions of plain types as a list of them: integer or number is a number."""
    if isinstance(node, list):
        return [_plain_unions(item) for item in node]
    if not isinstance(node, dict):
        return node
    simpler = {name: _plain_unions(item) for name, item in node.items()}
    options = simpler.get("anyOf")
    if not options or any(option.keys() != {"type"} for option in options):
        return simpler
    del simpler["anyOf"]
    kinds = [option["type"] for option in options]
    told = [kind for kind in kinds if kind != "integer" or "number" not in kinds]
    return {**simpler, "type": told[0] if len(told) == 1 else told}
