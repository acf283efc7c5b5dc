"""The description as one page to read, without scripts or anything from elsewhere."""

import json
import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

Json = dict[str, Any]

_SCHEMA = "#/components/schemas/"


def page(described: Json) -> str:
    """Return the HTML of an OpenAPI document that `description` made; texts in it are escaped."""
    environment = Environment(
        loader=PackageLoader("queryapi.api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("docs.html").render(
        info=described["info"],
        groups=list(_groups(described)),
        headers=described["components"]["headers"],
        security=described["components"]["securitySchemes"]["bearer"],
    )


def _groups(described: Json) -> Iterator[Json]:
    operations = [
        (method.upper(), path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    for tag in described["tags"]:
        views = [
            _operation(described, method, path, operation)
            for method, path, operation in operations
            if tag["name"] in operation["tags"]
        ]
        yield {"name": tag["name"], "description": tag["description"], "operations": views}


def _operation(described: Json, method: str, path: str, operation: Json) -> Json:
    # Answers stand before failures, and the first of them is success.
    success = next(iter(operation["responses"]))
    media, content = next(iter(operation["responses"][success]["content"].items()))
    parameters = operation.get("parameters", [])
    taken = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return {
        "id": operation["operationId"],
        "method": method,
        "path": path,
        "summary": operation["summary"],
        "needs": operation.get("x-needs"),
        "parameters": parameters,
        "media": media,
        "success": success,
        "curl": _curl(method, path, operation),
        "taken": list(_fields(described, taken.get("schema", {}), "")),
        "example": _pretty(content["example"]) if "example" in content else "",
        "fields": list(_fields(described, content["schema"], "")),
        "failures": [
            (status, response["description"], _compact(response))
            for status, response in operation["responses"].items()
            if status != success
        ],
    }


def _curl(method: str, path: str, operation: Json) -> str:
    """Return a line for a shell that asks this of the service on its usual address."""
    parameters = operation.get("parameters", [])
    asked = [
        (parameter["name"], parameter["example"])
        for parameter in parameters
        if parameter["in"] == "query" and "example" in parameter
    ]
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(parameter["example"]))
    query = f"?{urlencode(asked, doseq=True)}" if asked else ""
    words = ["curl"]
    if method != "GET":
        words += ["-X", method]
    if "security" in operation:
        words += ["-H", '"Authorization: Bearer $TOKEN"']
    if "requestBody" in operation:
        body = operation["requestBody"]["content"]["application/json"]["example"]
        words += ["-H", shlex.quote("Content-Type: application/json"), "-d"]
        words.append(shlex.quote(json.dumps(body)))
    return " ".join([*words, shlex.quote(f"http://127.0.0.1:8080{path}{query}")])


def _fields(described: Json, schema: Json, prefix: str) -> Iterator[tuple[str, str, str]]:
    """Yield path, type and meaning of everything inside a JSON value, from the outside in."""
    if "items" in schema:
        yield from _fields(described, schema["items"], f"{prefix}[].")
    for name, member in _resolved(described, schema).get("properties", {}).items():
        inner = _resolved(described, member)
        where = f"{prefix}{name}"
        yield (
            where,
            _kind(described, inner),
            member.get("description") or inner.get("description", ""),
        )
        for option in inner.get("anyOf", (inner,)):
            yield from _inside(described, _resolved(described, option), where)


def _inside(described: Json, schema: Json, where: str) -> Iterator[tuple[str, str, str]]:
    if "items" in schema:
        items = _resolved(described, schema["items"])
        for option in items.get("anyOf", (items,)):
            yield from _fields(described, option, f"{where}[].")
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from _fields(described, schema["additionalProperties"], f"{where}.*.")
    else:
        yield from _fields(described, schema, f"{where}.")


def _resolved(described: Json, schema: Json) -> Json:
    if "$ref" not in schema:
        return schema
    found: Json = described["components"]["schemas"][schema["$ref"].removeprefix(_SCHEMA)]
    return found


def _kind(described: Json, schema: Json) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(described, _resolved(described, it)) for it in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "type" not in schema:
        return "anything"
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return " or ".join(kinds) + (f", {schema['format']}" if "format" in schema else "")


def _compact(response: Json) -> str:
    content = response.get("content", {}).get("application/json", {})
    return json.dumps(content["example"]) if "example" in content else ""


def _pretty(example: object) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)
