"""What the parts share is metric names: each one that is read is published or recorded."""

import re
import subprocess
from functools import cache
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
from queryapi.telemetry.jobpage import FAMILIES
from tests.support import metric_names
from tests.support.promql_reading import reads

PUBLISHED = {family.name for family in CATALOGUE} | metric_names.published()
EXTERNAL = {
    "up",
    "ALERTS",
    "alertmanager_config_last_reload_successful",
    "alertmanager_notifications_failed_total",
    "alertmanager_notifications_total",
    "node_cpu_seconds_total",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
    "node_network_receive_bytes_total",
    "node_network_speed_bytes",
    "node_network_transmit_bytes_total",
    "node_time_seconds",
    "node_uname_info",
    "prometheus_config_last_reload_successful",
    "prometheus_notifications_alertmanagers_discovered",
    "prometheus_notifications_errors_total",
    "prometheus_notifications_sent_total",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_rule_group_interval_seconds",
    "prometheus_rule_group_last_duration_seconds",
    "prometheus_target_scrapes_exceeded_sample_limit_total",
    "prometheus_target_scrapes_sample_duplicate_timestamp_total",
    "prometheus_target_scrapes_sample_out_of_order_total",
    "prometheus_tsdb_compactions_failed_total",
    "prometheus_tsdb_head_truncations_failed_total",
    "prometheus_tsdb_wal_writes_failed_total",
}
"""What rules and alerts read of Prometheus, Alertmanager and node_exporter."""

SETTABLE = {"threshold:gpu_hourly_price:default"}
"""What rules read where a user records it."""

PARTS = ("capacity", "devices", "usage")
"""Files of rules whose every series a page explains."""

LEVELS = {"adapter", "cluster", "node", "namespace", "pool", "instance", "device", "threshold"}
"""What a recorded series may be of."""

PROPERTIES = {
    *("gpu_count", "gpu_free", "gpu_memory_mb", "gpu_model", "gpu_utilization"),
    *("gpu_instance", "gpu_models", "gpu_memory_total", "gpu_memory_used", "gpu_temperature"),
}
"""What else begins like a metric: labels, and properties of workers, operations, pools and jobs."""

_OURS = re.compile(
    r"(?<![\w:])(?:(?:cluster|node|namespace|pool|device|instance|threshold):[a-z_]+:[a-z0-9]+"
    r"|gpu_[a-z0-9_]+)\b(?![\w:]*=)"
)
_NOT_OURS = re.compile(r"up\Z|DCGM_|kube_|(?:nativelink_)?(?:execution|worker)_")
_DCGM = re.compile(r"\bDCGM_\w*[A-Z]\b")
_OWN = re.compile(r"gpuscope_(?:(?:api|stream|job)_[a-z_]*[a-z]|jobs(?:_[a-z_]*[a-z])?)")
_OF_JOBS = re.compile(r"\bgpuscope_jobs?_[a-z_]*[a-z]\b")


def _recorded() -> set[str]:
    """Return what rules add to what exporters publish: adapters record the latter too."""
    return metric_names.recorded() - PUBLISHED


@cache
def _read(*, adapters: bool) -> set[str]:
    """Return the metrics that the expressions of adapters, or of all other rules, read."""
    return {
        read.name
        for group in metric_names.groups()
        if group["name"].startswith("gpuscope-adapter-") is adapters
        for rule in group["rules"]
        for read in reads(rule["expr"])
    }


def _names(text: str) -> set[str]:
    # A prefix, as in a regular expression over names, is not a name.
    return {name for name in _OURS.findall(text) if not name.endswith("_")}


def test_rules_and_alerts_read_what_exists() -> None:
    """Every metric in a rule or alert is published, recorded, or listed as another program's."""
    ours = PUBLISHED | _recorded() | metric_names.of_the_query_api() | SETTABLE

    assert set() == _read(adapters=False) - ours - EXTERNAL
    assert set() == EXTERNAL - _read(adapters=False)


def test_adapters_read_what_dcgm_exporter_has() -> None:
    """Every name of dcgm-exporter's in an adapter is one of those it has, of either generation."""
    known = {name for field in FIELDS for name in (field.name, field.new)}
    foreign = _read(adapters=True) - PUBLISHED - _recorded()

    assert set() == {name for name in foreign if not _NOT_OURS.match(name)}
    assert set() == {name for name in foreign if name.startswith("DCGM_")} - known
    assert known & foreign


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
    """Recorded names are level:metric:operation, of a level that there is."""
    assert set() == {name for name in _recorded() if len(name.split(":")) != 3}
    assert LEVELS == {name.split(":")[0] for name in _recorded()}


def test_the_page_about_prometheus_names_what_is_recorded() -> None:
    """Each series of capacity, devices and usage is explained."""
    page = (ROOT / "docs" / "prometheus.md").read_text()
    files = [ROOT / "prometheus" / "rules" / f"{part}.yml" for part in PARTS]
    groups = (yaml.safe_load(path.read_text())["groups"] for path in files)
    recorded = {rule["record"] for group in groups for each in group for rule in each["rules"]}

    assert set() == recorded - set(re.findall(r"`([a-z]+:\w+:\w+)", page))


def test_pages_written_by_hand_name_metrics_that_exist() -> None:
    """Who types a name from a runbook or any other page into Prometheus finds a metric of it."""
    known = PUBLISHED | _recorded() | SETTABLE | PROPERTIES
    pages = [page for page in (ROOT / "docs").rglob("*.md") if page.name != "metrics.md"]

    assert {} == {
        page.name: unknown for page in pages if (unknown := _names(page.read_text()) - known)
    }


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
    alerts = [rule for group in metric_names.groups() for rule in group["rules"] if "alert" in rule]

    assert alerts
    for alert in alerts:
        _, heading = alert["annotations"]["runbook_url"].split("#")
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
    texts = [*(ROOT / "docs").rglob("*.md"), *metric_names.RULE_FILES]
    pages = "".join(path.read_text() for path in texts)
    named = set(_OWN.findall(pages))
    parts = {re.sub(r"_(?:total|count|sum|bucket)\Z", "", name) for name in named - declared}

    assert set() == parts - declared
    assert "gpuscope_api_upstream_open" in named


def test_the_query_api_reads_of_jobs_what_it_tells_of_them() -> None:
    """Every gpuscope_job_… in a query is a metric of the page that Prometheus scrapes."""
    texts = [path.read_text() for path in (ROOT / "queryapi" / "promql").rglob("*.py")]

    read = {name for text in texts for name in _OF_JOBS.findall(text)}

    assert set() == read - metric_names.of_jobs()


def test_metrics_of_jobs_keep_prometheus_conventions() -> None:
    """Base units, and counters end in _total and nothing else does."""
    for family in FAMILIES:
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert not re.search(r"_(?:percent|mib|mb|ms|milliseconds)\b", family.name)
