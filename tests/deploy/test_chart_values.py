"""Promises of the Helm chart about odd values, and about switches that few people turn on."""

from typing import Any

import pytest

from tests.support.manifests import CHART, Object, helm, load, named, of_kind, rendered, template

_ODD = """
clusterName: "a: #b"
commonLabels: {release: ours, team: "1"}
podMonitor:
  enabled: true
  labels: {release: "1e3"}
  sampleLimit: 2000000
  attachMetadata: {node: true}
  tlsConfig: {insecureSkipVerify: true}
  basicAuth: {username: {name: web, key: user}, password: {name: web, key: password}}
  apiAuthorization: {credentials: {name: scrape, key: token}}
prometheusRule: {enabled: true, labels: {release: theirs}}
dashboards: {enabled: true, namespace: "123", label: release, labelValue: "true"}
networkPolicy: {prometheus: [], clients: []}
nodeExporter:
  scheme: https
  priorityClassName: "1000"
  nodeSelector: {nvidia.com/gpu.present: null, a.b-c.example.com/d.e_f: "true"}
  sysAdmin: true
  tcpProbes: true
queryApi:
  auth: {tokensSecret: {name: "123"}}
  persistence: {storageClassName: "0"}
  ingress: {enabled: true, className: "1", hosts: [gpuscope.example.org]}
"""
_REFUSED = {
    "queryApi.ingress.enabled=true": "queryApi.ingress.hosts",
    "podMonitor.interval=5s": "podMonitor.scrapeTimeout",
    "prometheusRule.thresholds.threshold:gpu_idle=1": "nothing reads threshold:gpu_idle",
    "prometheusRule.alerts.Gpu*.enabled=false": "no such alert",
    "fullnameOverride=GPU_scope": "fullnameOverride",
    "clusterName=a$1": "clusterName",
}


@pytest.fixture(name="odd", scope="module")
def _odd(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    values = tmp_path_factory.mktemp("values") / "odd.yaml"
    values.write_text(_ODD)
    return rendered(f"--values={values}")


@pytest.mark.parametrize("release", ["1e3", "a" * 53])
def test_any_name_of_a_release_will_do(release: str) -> None:
    """One that YAML takes for a number stays a name, and the longest one fits."""
    done = helm("template", release, str(CHART), "--namespace=123", "--kube-version=1.33.0")
    assert 0 == done.returncode, done.stderr
    objects = load(done.stdout)

    for one in objects:
        head = one["metadata"]
        assert release == head["labels"]["app.kubernetes.io/instance"]
        assert "123" == head.get("namespace", "123")
    for service in of_kind(objects, "Service"):
        name = service["metadata"]["name"]
        assert name[0].isalpha()
        assert len(name) <= len("a" * 63)


def test_odd_values_arrive_as_they_are(odd: list[Object]) -> None:
    """Colons, digits and dots in a value stay part of it."""
    exporter = named(odd, "Deployment", "gpuscope-cluster-exporter")["spec"]["template"]["spec"]
    node = named(odd, "DaemonSet", "gpuscope-node-exporter")["spec"]["template"]["spec"]
    api = named(odd, "Deployment", "gpuscope-api")["spec"]["template"]["spec"]

    assert "--cluster-name=a: #b" in exporter["containers"][0]["args"]
    assert {"a.b-c.example.com/d.e_f": "true"} == node["nodeSelector"]
    assert "1000" == node["priorityClassName"]
    assert {"123"} == {it["secret"]["secretName"] for it in api["volumes"] if "secret" in it}
    assert ["0"] == [it["spec"]["storageClassName"] for it in of_kind(odd, "PersistentVolumeClaim")]


def test_labels_that_others_select_by_win(odd: list[Object]) -> None:
    """What an operator or a sidecar looks for is there once, whatever all objects are labelled."""
    labels = {
        kind: {it["metadata"]["labels"]["release"] for it in of_kind(odd, kind)}
        for kind in ("PodMonitor", "PrometheusRule", "Service")
    }
    boards = {
        it["metadata"]["labels"]["release"]
        for it in of_kind(odd, "ConfigMap")
        if "-dashboard-" in it["metadata"]["name"]
    }

    assert {"PodMonitor": {"1e3"}, "PrometheusRule": {"theirs"}, "Service": {"ours"}} == labels
    assert {"true"} == boards


def test_each_is_scraped_with_its_own_credentials(odd: list[Object]) -> None:
    """Exporters by password and TLS, the query API by token: an operator refuses both in one."""
    found = {
        (one["metadata"]["name"], endpoint["port"]): _credentials(endpoint)
        for one in of_kind(odd, "PodMonitor")
        for endpoint in one["spec"]["podMetricsEndpoints"]
    }

    assert {
        ("gpuscope-node-exporter", "metrics"): {"basicAuth", "tlsConfig"},
        ("gpuscope-cluster-exporter", "metrics"): {"basicAuth"},
        ("gpuscope-api", "http"): {"authorization"},
        ("gpuscope-api", "stream"): {"authorization"},
    } == found
    for one in of_kind(odd, "PodMonitor"):
        assert 2_000_000 == one["spec"]["sampleLimit"]
        assert {"node": True} == one["spec"]["attachMetadata"]


def test_a_list_without_anybody_lets_nobody_in(odd: list[Object]) -> None:
    """Kubernetes takes an empty list for everybody; here it is nobody but `helm test`."""
    for policy in of_kind(odd, "NetworkPolicy"):
        allowed = [peer for rule in policy["spec"]["ingress"] for peer in rule["from"]]

        assert ["test"] == [
            it["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for it in allowed
        ]


def test_profiling_and_certificates_are_switches(odd: list[Object]) -> None:
    """SYS_ADMIN is there for the asking; probes of who wants certificates only connect."""
    [one] = named(odd, "DaemonSet", "gpuscope-node-exporter")["spec"]["template"]["spec"][
        "containers"
    ]

    assert {"drop": ["ALL"], "add": ["SYS_ADMIN"]} == one["securityContext"]["capabilities"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert {"port": "metrics"} == one[probe]["tcpSocket"]
        assert "httpGet" not in one[probe]


def test_an_ingress_leads_websockets_to_their_own_port(odd: list[Object]) -> None:
    """Every path but those of WebSockets is the HTTP service's."""
    [ingress] = of_kind(odd, "Ingress")
    [rule] = ingress["spec"]["rules"]
    paths = {it["path"]: it["backend"]["service"]["port"]["name"] for it in rule["http"]["paths"]}

    assert "gpuscope.example.org" == rule["host"]
    assert {"/": "http", "/ws": "stream", "/api/v1/real-time-metrics/ws": "stream"} == paths


def test_values_of_an_older_release_will_do() -> None:
    """`helm upgrade --reuse-values` knows nothing of what has been added since."""
    newer = (
        *("nodeExporter.sysAdmin", "nodeExporter.tcpProbes", "clusterExporter.tcpProbes"),
        *("queryApi.ingress", "queryApi.service.annotations", "podMonitor.attachMetadata"),
    )
    done = template("--set=podMonitor.enabled=true", *(f"--set={it}=null" for it in newer))

    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize(("value", "told"), _REFUSED.items(), ids=_REFUSED)
def test_what_prometheus_or_kubernetes_would_refuse_is_refused_before(
    value: str, told: str
) -> None:
    """An installation fails as a whole and says where, not later and in part."""
    done = template(
        "--set=podMonitor.enabled=true", "--set=prometheusRule.enabled=true", f"--set={value}"
    )

    assert 0 != done.returncode
    assert told in done.stderr


def _credentials(endpoint: Any) -> set[str]:
    return {"basicAuth", "tlsConfig", "authorization"} & set(endpoint)
