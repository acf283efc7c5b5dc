"""Promises of `tools.chart`: what the chart and the plain manifests take from the repository."""

from pathlib import Path

import pytest
import yaml

from tools import chart

_LABELS = {"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "gpuscope-1"}


def _object(kind: str, component: str, **more: object) -> dict[str, object]:
    labels = {**_LABELS, "app.kubernetes.io/component": component}
    metadata = {"name": component, "namespace": "gpuscope", "labels": labels}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


def test_a_plain_manifest_has_nothing_of_helm_s() -> None:
    """Helm's labels and the namespace go, with maps that only held such; empty maps stay."""
    deployment = _object(
        "Deployment",
        "api",
        spec={"template": {"metadata": {"annotations": {"helm.sh/chart": "x"}}, "volumes": {}}},
    )
    [(path, text)] = [one for one in chart.manifests(yaml.safe_dump(deployment)) if "api" in one[1]]

    assert "query-api.yaml" == path.name
    assert {
        "apiVersion": "v1",
        "kind": "Deployment",
        "metadata": {"name": "api", "labels": {"app.kubernetes.io/component": "api"}},
        "spec": {"template": {"volumes": {}}},
    } == yaml.safe_load(text)


def test_plain_manifests_leave_rights_to_rbac_yaml() -> None:
    """What a pod needs comes before it; roles and the exporters' accounts are elsewhere."""
    kinds = ("Deployment", "Service", "ConfigMap", "ServiceAccount", "ClusterRole")
    rendered = yaml.safe_dump_all(
        _object(kind, part) for kind in kinds for part in ("api", "node-exporter")
    )
    found = {path.stem: text for path, text in chart.manifests(rendered)}
    in_order = {
        name: [one["kind"] for one in yaml.safe_load_all(text) if one]
        for name, text in found.items()
    }

    assert ["ServiceAccount", "ConfigMap", "Service", "Deployment"] == in_order["query-api"]
    assert ["ConfigMap", "Service", "Deployment"] == in_order["node-exporter"]


def test_settings_stay_readable() -> None:
    """A text of several lines is written as a block."""
    settings = _object("ConfigMap", "api", data={"gpuscope.yml": "a: 1\nb: 2\n"})
    found = {path.stem: text for path, text in chart.manifests(yaml.safe_dump(settings))}

    assert "gpuscope.yml: |\n    a: 1\n    b: 2\n" in found["query-api"]


def test_what_is_out_of_date_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` changes nothing and names what differs; without it the copies are made anew."""
    files = tmp_path / "chart" / "files"
    alerts = tmp_path / "prometheus" / "alerts"
    alerts.mkdir(parents=True)
    (alerts / "a.yml").write_text("new")
    (files / "alerts").mkdir(parents=True)
    (files / "alerts" / "gone.yml").write_text("old")
    monkeypatch.setattr(chart, "_ROOT", tmp_path)
    monkeypatch.setattr(chart, "_FILES", files)
    monkeypatch.setattr(chart, "find_helm", lambda: None)

    assert 1 == chart.main(["--check"])
    told = capsys.readouterr().err.splitlines()
    assert 0 == chart.main([])
    assert 0 == chart.main(["--check"])

    assert [
        "chart/files/alerts/a.yml is out of date: run `make chart`",
        "chart/files/alerts/gone.yml is out of date: run `make chart`",
    ] == told
    assert ["a.yml"] == [path.name for path in files.rglob("*.yml")]
