"""What the parts share is metric names: each one that is read is published or recorded."""

import re
import subprocess
from importlib import import_module
from pkgutil import iter_modules

import yaml

from demo.stack import ROOT
from exporter.catalogue import CATALOGUE, Family, Kind, Role
from exporter.catalogue import __path__ as PAGES  # noqa: N812 - a constant
from exporter.catalogue.dcgm import FIELDS
from queryapi.promql import nativelinkqueries
from queryapi.promql.selection import Selection
from queryapi.promql.series import NATIVELINK, SERIES, Source, variants
from queryapi.telemetry.jobpage import FAMILIES, JOBS, LEFT_OUT

PUBLISHED = {family.name for family in CATALOGUE}
EXTERNAL = {
    "up",
    "ALERTS",
    "ALERTS_FOR_STATE",
    "node_cpu_seconds_total",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
    "node_network_receive_bytes_total",
    "node_network_speed_bytes",
    "node_network_transmit_bytes_total",
    "node_time_seconds",
    "node_uname_info",
}
"""Prometheus' own, and node_exporter's."""

PROPERTIES = {
    *("gpu_count", "gpu_free", "gpu_memory_mb", "gpu_model", "gpu_utilization"),
    *("gpu_instance", "gpu_models", "gpu_memory_total", "gpu_memory_used", "gpu_temperature"),
}
"""What else begins like a metric: labels, and properties of workers, operations, pools and jobs."""

_OURS = re.compile(
    r"\b(?:(?:cluster|node|namespace|pool|instance):[a-z_]+:[a-z0-9]+"
    r"|(?:(?:cluster|node|namespace):)?gpu_[a-z0-9_]+)\b(?![\w:]*=)"
)
_NODE_EXPORTER = re.compile(r"\bnode_\w+_(?:total|bytes|info|seconds)\b")
_DCGM = re.compile(r"\bDCGM_\w*[A-Z]\b")
_OWN = re.compile(r"gpuscope_(?:(?:api|stream|job)_[a-z_]*[a-z]|jobs(?:_[a-z_]*[a-z])?)")
_OF_JOBS = re.compile(r"\bgpuscope_jobs?_[a-z_]*[a-z]\b")
_RULE_FILES = sorted((ROOT / "prometheus").rglob("*.yml"))


def _groups() -> list[dict[str, list[dict[str, str]]]]:
    contents = (yaml.safe_load(path.read_text()) for path in _RULE_FILES)
    return [group for content in contents if "groups" in content for group in content["groups"]]


def _recorded() -> set[str]:
    return {rule["record"] for group in _groups() for rule in group["rules"] if "record" in rule}


def _names(text: str) -> set[str]:
    # A prefix, as in a regular expression over names, is not a name.
    return {name for name in _OURS.findall(text) if not name.endswith("_")}


def test_rules_and_alerts_read_what_exists() -> None:
    """Every metric in a rule or alert is in the catalogue, recorded, or Prometheus' own."""
    expressions = [rule["expr"] for group in _groups() for rule in group["rules"]]
    told = {name for text in expressions for name in _NODE_EXPORTER.findall(text)}
    read = {name for text in expressions for name in _names(text)} | told

    assert set() == read - PUBLISHED - _recorded() - EXTERNAL
    assert {name for name in EXTERNAL if name.startswith("node_")} == told


def test_the_query_api_reads_what_exists() -> None:
    """Every metric that the query API names is in the catalogue or recorded."""
    texts = [path.read_text() for path in (ROOT / "queryapi").rglob("*.py")]
    read = {name for text in texts for name in _names(text)} - PROPERTIES

    assert set() == read - PUBLISHED - _recorded()
    assert read


def test_the_query_api_asks_dcgm_exporter_for_what_it_has() -> None:
    """Every name of dcgm-exporter's in a question is one that we can publish too."""
    known = {field.name for field in FIELDS if field.source is not None}
    texts = [path.read_text() for path in (ROOT / "queryapi").rglob("*.py")]
    asked = {name for text in texts for name in _DCGM.findall(text)}

    assert set() == asked - known
    assert asked


def test_the_doctor_looks_for_what_answers_are_made_of() -> None:
    """The table of series names what queries and parts name, and nothing else."""
    rooms = [ROOT / "queryapi" / "services", ROOT / "queryapi" / "promql"]
    texts = [
        path.read_text()
        for room in rooms
        for path in room.rglob("*.py")
        if path.name != "series.py"
    ]
    read = {name for text in texts for name in _names(text)} - PROPERTIES

    assert {series.name for series in SERIES} == read


def test_the_doctor_looks_for_what_a_nativelink_tells() -> None:
    """Its names are said once; the question and the doctor take them from there."""
    question = nativelinkqueries.instruments(Selection(()))
    names = {name for series in NATIVELINK for name in variants(series.name)}

    assert names == set(re.findall(r'"known_at", "(\w+)"', question))
    assert {Source.NATIVELINK} == {series.source for series in NATIVELINK}


def test_the_doctor_knows_who_tells_a_series() -> None:
    """Recorded names come from the rules, the others from one of the exporters."""
    exporters = {Source.CLUSTER: Role.CLUSTER, Source.NODE: Role.NODE}

    assert {s.name for s in SERIES if s.source is Source.RULES} <= _recorded()
    for source, role in exporters.items():
        published = {family.name for family in CATALOGUE if family.role is role}
        assert {s.name for s in SERIES if s.source is source} <= published
    assert {s.with_any for s in SERIES if s.with_any} <= {s.name for s in SERIES}


def test_every_recorded_name_says_what_it_is() -> None:
    """Recorded names are level:metric:operation."""
    assert set() == {name for name in _recorded() if len(name.split(":")) != 3}


def test_families_keep_prometheus_conventions() -> None:
    """Names are unique, ours by prefix, counters end in _total and nothing else does."""
    names = [family.name for family in CATALOGUE]

    assert len(set(names)) == len(names)
    assert all(name.startswith("gpu_") for name in names)
    assert all(
        family.name.endswith("_total") == (family.kind is Kind.COUNTER) for family in CATALOGUE
    )
    assert all("cluster" not in family.labels for family in CATALOGUE)


def test_no_family_hides_another() -> None:
    """Each file of the catalogue has constants of its own, and all of them reach the scrape."""
    files = [import_module(f"exporter.catalogue.{each.name}") for each in iter_modules(PAGES)]
    mine = {
        (name, value)
        for file in files
        for name, value in vars(file).items()
        if isinstance(value, Family)
    }
    names = [name for name, _ in mine]

    assert sorted(set(names)) == sorted(names)
    assert {value for _, value in mine} == set(CATALOGUE)


def test_promtool_has_nothing_to_say_of_any_family() -> None:
    """Prometheus' own linter finds every family well named, those of rare hardware included."""
    page = "".join(
        f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n{_sample(family)}"
        for family in CATALOGUE
    )
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )

    assert (0, "", "") == (result.returncode, result.stdout, result.stderr)


def _sample(family: Family) -> str:
    labels = "".join(f'{name}="x",' for name in family.labels)
    if family.kind is not Kind.HISTOGRAM:
        return f"{family.name}{{{labels}}} 1\n"
    bucket = f'{family.name}_bucket{{{labels}le="+Inf"}} 1\n'
    return bucket + f"{family.name}_sum{{{labels}}} 1\n{family.name}_count{{{labels}}} 1\n"


def test_helps_are_sentences() -> None:
    """Each help text is a line that begins like a sentence and ends like one."""
    assert [] == [
        family.name
        for family in CATALOGUE
        if not re.fullmatch(r"[A-Z0-9vm].*\.", family.help) or "  " in family.help
    ]


def test_every_alert_has_a_runbook_entry() -> None:
    """Each alert links a heading of the runbook that exists, and has a promtool test."""
    runbook = (ROOT / "docs" / "runbook.md").read_text().lower()
    tests = "".join(path.read_text() for path in (ROOT / "prometheus" / "tests").glob("*.yml"))
    alerts = [rule for group in _groups() for rule in group["rules"] if "alert" in rule]

    assert alerts
    for alert in alerts:
        _, heading = alert["annotations"]["runbook_url"].split("#")  # type: ignore[index]
        assert f"## {heading}\n" in runbook
        assert f"alertname: {alert['alert']}" in tests


def test_every_scrape_job_has_targets() -> None:
    """Each job of the shipped configuration finds a target file beside it."""
    home = ROOT / "prometheus"
    config = yaml.safe_load((home / "prometheus.yml").read_text())
    patterns = [
        pattern
        for job in config["scrape_configs"]
        for found in job["file_sd_configs"]
        for pattern in found["files"]
    ]

    assert [] == [pattern for pattern in patterns if not list(home.glob(pattern))]


def test_the_docs_and_alerts_name_what_the_query_api_counts() -> None:
    """Every gpuscope_… of pages and alerts is a metric that the service declares."""
    rooms = (ROOT / "queryapi" / "telemetry").rglob("*.py")
    declared = {name for path in rooms for name in _OWN.findall(path.read_text())}
    texts = [*(ROOT / "docs").rglob("*.md"), *_RULE_FILES]
    pages = "".join(path.read_text() for path in texts)
    named = set(_OWN.findall(pages))
    parts = {re.sub(r"_(?:total|count|sum|bucket)\Z", "", name) for name in named - declared}

    assert set() == parts - declared
    assert "gpuscope_api_upstream_open" in named


def test_the_query_api_reads_of_jobs_what_it_tells_of_them() -> None:
    """Every gpuscope_job_… in a query is a metric of the page that Prometheus scrapes."""
    told = {family.name for family in FAMILIES} | {JOBS[0], LEFT_OUT[0]}
    texts = [path.read_text() for path in (ROOT / "queryapi" / "promql").rglob("*.py")]

    assert set() == {name for text in texts for name in _OF_JOBS.findall(text)} - told


def test_metrics_of_jobs_keep_prometheus_conventions() -> None:
    """Base units, and counters end in _total and nothing else does."""
    for family in FAMILIES:
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert not re.search(r"_(?:percent|mib|mb|ms|milliseconds)\b", family.name)
