"""Promises of the Helm chart; those that need Helm or kubeconform are skipped without."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from queryapi.settings import Settings
from tests.support.manifests import (
    CHART,
    PLAIN,
    ROOT,
    Object,
    helm,
    load,
    named,
    of_kind,
    pods,
    rendered,
    template,
)
from tools.chart import find_helm, manifests, render

_KUBECONFORM = ROOT / ".tools" / "bin" / "kubeconform"
_EVERYTHING = f"--values={CHART}/ci/everything-values.yaml"
_CASES = [(), *((f"--values={path}",) for path in sorted(CHART.glob("ci/*.yaml")))]
_RULES = ("--set=prometheusRule.enabled=true",)
_API = "queryApi.auth.tokensSecret.name="
_REFUSED = {
    "queryApi.replicas=2": "queryApi.database.type=postgresql",
    "queryApi.autoscaling.enabled=true": "queryApi.database.type=postgresql",
    "queryApi.workers=2": "queryApi.redis.url",
    "queryApi.database.type=postgresql": "queryApi.database.url",
    "queryApi.database.url=postgresql+psycopg://a@b/c": "queryApi.database.type=postgresql",
    "queryApi.redis.url=redis://:secret@redis:6379/0": "urlSecret",
    _API: "queryApi.auth.tokensSecret.name, .oidc or .tokenReview",
    "queryApi.config.workers=4": "use queryApi.workers",
    "queryApi.config.auth.tokens_file=/a": "use queryApi.auth",
    "clusterExporter.leaderElect=false": "clusterExporter.shards",
    "prometheusRule.alerts.GpuDeviceDwon.enabled=false": "docs/runbook.md",
    "prometheusRule.thresholds.threshold:none=1": "prometheus/rules/thresholds.yml",
    "prometheusRule.adapters={none}": "there is no none",
}
_TYPOS = (
    "nodeExporters.enabled=false",
    "nodeExporter.image.repo=a",
    "nodeExporter.image.tag=latest",
    "queryApi.config.limit=3",
    "queryApi.replicas=two",
    "queryApi.database.type=mysql",
    "podMonitor.interval=15",
    "prometheusRule.alerts.GpuDeviceDown.sevrity=info",
    "clusterName=",
)


def test_lint_finds_nothing() -> None:
    """`helm lint --strict` is content with the chart and its own values."""
    done = helm("lint", "--strict", str(CHART))

    assert 0 == done.returncode, done.stdout


@pytest.mark.parametrize("values", _CASES, ids=lambda it: Path(it[0]).stem if it else "defaults")
def test_what_is_installed_is_sound(values: tuple[str, ...]) -> None:
    """With every set of values Kubernetes knows every field."""
    _conform(rendered(*values))


def test_the_plain_manifests_are_the_chart_s() -> None:
    """`make chart` leaves no diff."""
    program = find_helm() or pytest.skip("no helm: tools/gotools installs it")

    assert [] == [path for path, text in manifests(render(program)) if path.read_text() != text]


def test_the_chart_gives_the_rights_of_rbac_yaml() -> None:
    """Whoever reads rbac.yaml knows what an installation may do."""
    values = ("--set=clusterExporter.shards=4", "--set=nodeExporter.kubernetesApi=true")
    kinds = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    written = load((PLAIN / "rbac.yaml").read_text())

    assert _rights(written, kinds) == _rights(rendered(*values), kinds)


@pytest.mark.parametrize(("value", "told"), _REFUSED.items(), ids=_REFUSED)
def test_what_would_not_work_is_refused_with_what_to_do(value: str, told: str) -> None:
    """Replicas without common state, an API without tokens, rules that are not there: refused."""
    rules = _RULES if value.startswith("prometheusRule.") else ()
    done = template(*rules, f"--set={value}")

    assert 0 != done.returncode
    assert told in done.stderr


@pytest.mark.parametrize("value", _TYPOS)
def test_a_mistyped_value_is_refused(value: str) -> None:
    """A key that nobody reads, or a value that cannot be meant, installs nothing."""
    done = template(f"--set={value}")

    assert 0 != done.returncode
    assert "don't meet the specifications" in done.stderr


def test_the_schema_knows_every_setting() -> None:
    """`queryApi.config` takes the settings that the service has, and no others."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    api = schema["properties"]["queryApi"]["properties"]

    assert set(Settings.__struct_fields__) == set(api["config"]["properties"])


def test_rules_are_installed_as_they_are_tested(tmp_path: Path) -> None:
    """A PrometheusRule holds the groups of its file, word for word, and promtool takes them."""
    objects = of_kind(rendered(*_RULES), "PrometheusRule")
    sources = sorted((CHART / "files").glob("rules/*.yml"))
    sources += sorted((CHART / "files").glob("alerts/*.yml"))
    wanted = {f"{it.parent.name}-{it.stem}": load(it.read_text())[0] for it in sources}

    assert wanted == {
        it["metadata"]["name"].removeprefix("gpuscope-"): it["spec"] for it in objects
    }
    for one in objects:
        (tmp_path / f"{one['metadata']['name']}.yml").write_text(json.dumps(one["spec"]))
    files = sorted(map(str, tmp_path.glob("*.yml")))
    done = subprocess.run(
        ["promtool", "check", "rules", *files], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr


def test_alerts_and_thresholds_are_changed_by_values() -> None:
    """An alert can be left out, wait longer, weigh less; a threshold has one place."""
    groups = [
        group
        for one in of_kind(rendered(_EVERYTHING), "PrometheusRule")
        for group in one["spec"]["groups"]
    ]
    rules = {it.get("alert", it.get("record")): it for group in groups for it in group["rules"]}
    down = rules["GpuDeviceDown"]

    assert "GpuscopeJobStalled" not in rules
    assert ("5m", "warning", "hardware") == (
        down["for"],
        down["labels"]["severity"],
        down["labels"]["team"],
    )
    assert "https://wiki.example/runbook#gpudevicedown" == down["annotations"]["runbook_url"]
    assert "0.05" == rules["threshold:gpu_idle_activity_ratio:max"]["expr"]


def test_series_are_labelled_as_by_prometheus_yml() -> None:
    """The operator's Prometheus has the jobs, and lets the labels win, that prometheus.yml does."""
    jobs = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    wanted = {it["job_name"]: it for it in jobs if it["job_name"].startswith("gpu")}
    endpoints = {
        _replaced(endpoint, "job"): endpoint
        for one in of_kind(rendered(_EVERYTHING), "PodMonitor")
        for endpoint in one["spec"]["podMetricsEndpoints"]
    }

    assert set(wanted) == set(endpoints)
    for job, endpoint in endpoints.items():
        assert "prod-2" == _replaced(endpoint, "cluster")
        assert wanted[job].get("honor_labels", False) == endpoint.get("honorLabels", False)
        changes = [_operators(it) for it in wanted[job].get("metric_relabel_configs", ())]
        assert changes == endpoint.get("metricRelabelings", [])


def test_nothing_of_the_operator_s_is_installed_where_it_is_not() -> None:
    """A cluster without the operator's CRDs takes the chart all the same."""
    done = helm("template", str(CHART), "--kube-version=1.33.0", _EVERYTHING)

    assert 0 == done.returncode, done.stderr
    assert [] == of_kind(load(done.stdout), "PodMonitor", "PrometheusRule")


def test_dashboards_arrive_as_they_are() -> None:
    """A ConfigMap holds the dashboard's file, braces and all, where Grafana's sidecar looks."""
    maps = [
        it
        for it in of_kind(rendered(_EVERYTHING), "ConfigMap")
        if "-dashboard-" in it["metadata"]["name"]
    ]
    installed = {name: text for it in maps for name, text in it["data"].items()}
    files = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))

    assert {it.name: it.read_text().strip() for it in files} == installed
    assert {"1"} == {it["metadata"]["labels"]["grafana_dashboard"] for it in maps}
    assert {"grafana"} == {it["metadata"]["namespace"] for it in maps}


def test_no_label_of_a_user_s_keeps_a_pod_out_of_its_selector() -> None:
    """`podLabels` add to the chart's labels and replace none."""
    workload = named(rendered(_EVERYTHING), "DaemonSet", "gpus-node-exporter")
    labels = workload["spec"]["template"]["metadata"]["labels"]

    assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert "nodes" == labels["example.com/part"]


def test_no_secret_is_made_or_written_down() -> None:
    """Secrets are named, never held: neither by an object nor by the settings."""
    objects = rendered(_EVERYTHING)
    environment = [
        entry
        for _, pod, _ in pods(objects)
        for container in pod["containers"]
        for entry in container.get("env", ())
        if "URL" in entry["name"]
    ]

    assert [] == of_kind(objects, "Secret")
    assert [{"name": "gpuscope-redis", "key": "url"}] == [
        it["valueFrom"]["secretKeyRef"] for it in environment
    ]


def _conform(objects: list[Object]) -> None:
    if not _KUBECONFORM.exists() or not shutil.which(str(_KUBECONFORM)):
        pytest.skip("no kubeconform: tools/gotools installs it")
    where = ROOT / ".tools" / "schemas" / "{{.ResourceKind}}{{.KindSuffix}}.json"
    done = subprocess.run(
        [str(_KUBECONFORM), "-strict", "-schema-location", str(where)],
        input="\n---\n".join(map(json.dumps, objects)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout


def _rights(objects: list[Object], kinds: tuple[str, ...]) -> dict[tuple[str, str], Any]:
    return {
        (one["kind"], one["metadata"]["name"]): [
            one.get(part) for part in ("rules", "roleRef", "subjects")
        ]
        for one in of_kind(objects, *kinds)
    }


def _replaced(endpoint: Any, label: str) -> str:
    (value,) = (
        it["replacement"] for it in endpoint["relabelings"] if it.get("targetLabel") == label
    )
    return str(value)


def _operators(rule: dict[str, Any]) -> dict[str, Any]:
    names = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
    return {names.get(key, key): value for key, value in rule.items()}
