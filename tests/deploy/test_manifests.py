"""Promises of the plain manifests of deploy/kubernetes, which need no Helm."""

import argparse
import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from exporter.arguments import check, parser
from exporter.server import Publisher, listen_address
from tests.support import trying
from tests.support.manifests import ROOT, named, of_kind, plain, pods
from tools.chart import copies

_VERSIONS = ("1.30", kubernetes_validate.latest_version())
_CHANGES = {
    # What may be written, and by whom: a place among replicas.
    ("coordination.k8s.io", "leases"): {"create", "get", "update"},
}


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_manifest_is_what_kubernetes_expects(version: str) -> None:
    """Every supported Kubernetes takes every object, and knows every field of it."""
    for one in plain():
        kubernetes_validate.validate(dict(one), version, strict=True)


def test_every_part_has_a_pod() -> None:
    """Both exporters and the query API, and nothing else."""
    names = {name for name, _, _ in pods(plain())}

    assert {"gpuscope-node-exporter", "gpuscope-cluster-exporter", "gpuscope-api"} == names


def test_the_exporters_may_only_look() -> None:
    """Rights are to list, watch and get, never on Secrets; only their Lease is written."""
    rights = [rule for one in of_kind(plain(), "ClusterRole", "Role") for rule in one["rules"]]

    for rule in rights:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                allowed = _CHANGES.get((group, resource), {"get", "list", "watch"})
                assert set() == set(rule["verbs"]) - allowed, resource
                assert resource not in ("secrets", "*", "pods/exec")


def test_every_selector_finds_its_pods() -> None:
    """Services, policies and budgets select pods that the manifests start."""
    labels = [labels for _, _, labels in pods(plain())]
    selectors = [one["spec"]["selector"] for one in of_kind(plain(), "Service")]
    selectors += [one["spec"]["podSelector"] for one in of_kind(plain(), "NetworkPolicy")]
    selectors += [one["spec"]["selector"] for one in of_kind(plain(), "PodDisruptionBudget")]

    for selector in selectors:
        wanted = selector.get("matchLabels", selector).items()
        assert 1 == sum(wanted <= it.items() for it in labels), selector


def test_every_account_is_there() -> None:
    """Each pod's service account is in one of the files."""
    accounts = {one["metadata"]["name"] for one in of_kind(plain(), "ServiceAccount")}

    assert set() == {pod["serviceAccountName"] for _, pod, _ in pods(plain())} - accounts


@pytest.mark.parametrize("role", ["node", "cluster"])
def test_the_exporters_know_their_flags(role: str) -> None:
    """The exporter starts with the arguments of its manifest."""
    workload = "DaemonSet" if role == "node" else "Deployment"
    container = _container(named(plain(), workload, f"gpuscope-{role}-exporter"))
    arguments = [str(it).replace("$(NODE_NAME)", "gpu-01") for it in container["args"]]

    options = _options(arguments)

    (port,) = (it["containerPort"] for it in container["ports"])
    assert (role, ("0.0.0.0", port)) == (options.role, listen_address(options.listen_address))  # noqa: S104 - in a pod
    assert check(options) is None


def test_the_query_api_takes_its_settings(tmp_path: Path) -> None:
    """`--check-config` finds the ConfigMap usable once the Secret and the volume are there."""
    settings = named(plain(), "ConfigMap", "gpuscope-api")["data"]["gpuscope.yml"]
    (tmp_path / "tokens").mkdir()
    trying.ours(
        "gpuscope-api token new --role=viewer --name=me --file=tokens/tokens.json", tmp_path
    )
    for folder in ("/etc/gpuscope", "/var/lib/gpuscope"):
        settings = settings.replace(folder, str(tmp_path))
    (tmp_path / "gpuscope.yml").write_text(settings)

    assert trying.ours("gpuscope-api --config=gpuscope.yml --check-config", tmp_path)


def test_the_chart_carries_the_rules_and_dashboards_of_the_repository() -> None:
    """What the chart installs is what Prometheus is tested with: `make chart` leaves no diff."""
    assert [] == [path for path, text in copies() if path.read_text() != text]


def test_prometheus_takes_the_jobs_of_the_document(tmp_path: Path) -> None:
    """The scrape jobs of docs/kubernetes.md are a configuration, with the jobs that rules name."""
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (written,) = (yaml.safe_load(it) for it in blocks if "scrape_configs" in it)
    jobs = written["scrape_configs"]
    for job in jobs:
        # Debian's promtool is built without Kubernetes' service discovery.
        assert [{"role": "pod", "namespaces": {"names": ["gpuscope"]}}] == job.pop(
            "kubernetes_sd_configs"
        )
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(written))

    done = _run("promtool", "check", "config", f"{tmp_path}/prometheus.yml")

    assert 0 == done.returncode, done.stderr
    assert ["gpu-node", "gpu-cluster", "gpuscope-api", "gpuscope-stream"] == [
        job["job_name"] for job in jobs
    ]


def _container(workload: Any) -> Any:
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    return container


def _options(arguments: list[str]) -> argparse.Namespace:
    return parser(node=_unused, cluster=_unused).parse_args(arguments)


def _unused(options: argparse.Namespace) -> Publisher:
    raise AssertionError(options)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
