"""Writes the generated pages of docs/ from the places that declare things; `--check` compares."""

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from exporter.catalogue import CATALOGUE, Family, Role
from exporter.catalogue import dcgm as dcgm_fields
from exporter.catalogue.dcgm import Default
from exporter.node.compat.finding import families
from queryapi.settings import Settings
from queryapi.settings.source import environment_names
from queryapi.settings.table import LISTEN_APIS
from queryapi.telemetry.jobpage import FAMILIES, JOBS, LEFT_OUT
from tools import ownmetrics, rulepages

_ROOT = Path(__file__).parent.parent
_NOTE = "<!-- Written by `make docs`; edit the code it is made from. -->\n"
_METRICS = (
    "# Metrics\n\n"
    "Declared in `exporter/catalogue/`. `stable`: neither name, meaning nor labels change "
    "within a major version. Both exporters also publish `process_…`, as prometheus_client does.\n"
)
_OF_JOBS = (
    "At `/metrics` of each `gpuscope-api` with a database, read from it at most every 5 s: all "
    "tell the same. The `jobs.exported` jobs that were heard of last, ended ones for "
    "`jobs.exported_for` seconds; what was measured is told for `jobs.stalled_after` seconds. Left "
    "out while the database hangs. Several replicas: `max by (cluster, namespace, job_id) (…)`.\n"
)
_OF_THE_API = (
    "At `/metrics` of each `gpuscope-api`, of all its workers together, and those of the gateway "
    "on the port of `stream_listen`, which counts `gpuscope_api_authentications_total` and "
    "`gpuscope_api_access_source_up` for itself too. "
    "`gpuscope_api_build_info` and `gpuscope_stream_build_info` have the label `version`.\n"
)
_RECORDED = (
    "By `prometheus/rules/`, file by file: what its comment says, and the expression where it is "
    "short. [Prometheus](prometheus.md) says what each is for. `prometheus/rules/adapters/` record "
    "the exporters' and the first series of totals from other exporters: "
    "[migration](migration.md), [NativeLink](nativelink.md).\n"
)
_ALERTS = (
    "# Alerts\n\n"
    "Declared in `prometheus/alerts/`. `for`: how long it must be so before anybody is told. Names "
    "link what to do. Who is told, and how to change any of it: [alerting](alerting.md).\n"
)
_CONFIGURATION = (
    "# Configuration of the query API\n\n"
    "`gpuscope-api --config gpuscope.yml`; `--check-config` says whether a file is usable. A "
    "variable of the environment wins over the file; lists and objects are written there as JSON. "
    "Flags of the exporters: `gpuscope-exporter node --help`, `gpuscope-exporter cluster --help`.\n"
)
_DCGM = (
    "# Fields of dcgm-exporter\n\n"
    "Declared in `exporter/catalogue/dcgm/`; how to have them: [dcgm.md](dcgm.md). A star: "
    "published by default. New names, and old ones without a unit here, are in base units, as our "
    "metrics.\n"
)
_STRUCTURES = (
    ("Cluster", "An item of `clusters`"),
    ("BasicAuth", "`basic_auth`"),
    ("Oidc", "`auth.oidc`"),
    ("TokenReview", "`auth.token_review`"),
    ("Grant", "An item of `grants`"),
)


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` name those that are out of date; return the status."""
    outdated = [(path, text) for path, text in pages() if _differs(path, text)]
    for path, text in outdated:
        if "--check" in arguments:
            print(f"{path.name} is out of date: run `make docs`", file=sys.stderr)
        else:
            path.write_text(text)
    return 1 if outdated and "--check" in arguments else 0


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each page's path and text."""
    yield _ROOT / "docs" / "metrics.md", "\n".join(_metrics())
    yield _ROOT / "docs" / "alerts.md", "\n".join(_alerts())
    yield _ROOT / "docs" / "configuration.md", "\n".join(_configuration())
    yield _ROOT / "docs" / "dcgm-fields.md", "\n".join(_dcgm_fields())


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text() != text


def _metrics() -> Iterator[str]:
    yield _NOTE
    yield _METRICS
    for role, title in (
        (Role.NODE, "Node exporter"),
        (Role.CLUSTER, "Cluster exporter"),
        (Role.BOTH, "Both exporters"),
    ):
        yield f"## {title}\n"
        families = (family for family in CATALOGUE if family.role is role)
        head = ("name", "type", "labels", "meaning", "dcgm-exporter", "stability")
        yield _table(head, map(_family_row, families))
    yield from _own_families()
    yield from _job_families()
    yield from _recorded()


def _own_families() -> Iterator[str]:
    yield "## Query API: itself\n"
    yield _OF_THE_API
    for declared in (ownmetrics.of_the_api(), ownmetrics.of_the_gateway()):
        rows = (
            (_code(name), kind, ", ".join(map(_code, labels)), told)
            for name, kind, labels, told in declared
        )
        yield _table(("name", "type", "labels", "meaning"), rows)


def _recorded() -> Iterator[str]:
    yield "## Recorded series\n"
    yield _RECORDED
    for file, rows in rulepages.recorded():
        yield f"### {file}\n"
        yield _table(("name", "meaning"), iter(rows))


def _alerts() -> Iterator[str]:
    yield _NOTE
    yield _ALERTS
    for file, rows in rulepages.alerts():
        yield f"## {file}\n"
        yield _table(("alert", "severity", "team", "for", "summary"), iter(rows))


def _job_families() -> Iterator[str]:
    yield "## Query API: jobs\n"
    yield _OF_JOBS
    placed = ("job_id", "cluster", "namespace")
    rows = (
        (_code(one.name), one.kind, ", ".join(map(_code, (*placed, *one.labels))), one.help)
        for one in FAMILIES
    )
    more = ((JOBS, "`status`"), (LEFT_OUT, ""))
    others = ((_code(name), "gauge", labels, told) for (name, told), labels in more)
    yield _table(("name", "type", "labels", "meaning"), chain(rows, others))


def _family_row(family: Family) -> tuple[str, ...]:
    labels = ", ".join(map(_code, family.labels))
    dcgm = ", ".join(map(_code, dcgm_fields.named(family.name)))
    return (_code(family.name), family.kind, labels, family.help, dcgm, family.stability)


def _dcgm_fields() -> Iterator[str]:
    yield _NOTE
    yield _DCGM
    rows = (
        (
            _code(field.name) + (" *" if field.default is not Default.NEVER else ""),
            field.unit.value[0].removeprefix("in "),
            _code(field.new) if field.new else "the same",
            ", ".join(map(_code, families(field.source))),
        )
        for field in dcgm_fields.FIELDS
        if field.source is not None
    )
    yield _table(("up to 4.8", "in", "since 4.9", "our metric"), rows)


def _configuration() -> Iterator[str]:
    yield _NOTE
    yield _CONFIGURATION
    definitions = msgspec.json.schema(Settings)["$defs"]
    # A schema does not tell what a function makes.
    definitions["Settings"]["properties"]["listen_apis"]["default"] = LISTEN_APIS
    variables = {".".join(path): name for name, path in environment_names().items()}
    rows = (
        (*_short_row(key, setting)[:2], _code(variables[key]), setting["description"])
        for key, setting in _settings(definitions, definitions["Settings"])
        if key in variables
    )
    yield _table(("key", "default", "variable", "meaning"), rows)
    for name, title in _STRUCTURES:
        yield f"## {title}\n"
        properties = definitions[name]["properties"].items()
        yield _table(("key", "default", "meaning"), (_short_row(*item) for item in properties))


def _short_row(key: str, setting: dict[str, Any]) -> tuple[str, ...]:
    return (_code(key), _default(setting), setting["description"])


def _settings(
    definitions: dict[str, Any], section: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, setting in section["properties"].items():
        if "$ref" in setting:
            inner = definitions[setting["$ref"].rpartition("/")[2]]
            yield from _settings(definitions, inner, f"{prefix}{key}.")
        else:
            yield prefix + key, setting


def _default(setting: dict[str, Any]) -> str:
    if "default" not in setting:
        return "required"
    return _code(json.dumps(setting["default"])) if setting["default"] else ""


def _code(text: str) -> str:
    return f"`{text}`"


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
