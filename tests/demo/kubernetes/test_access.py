"""Who is let in, who is refused, and what the refusals look like."""

from pathlib import Path

import pytest

from demo.kubernetes.access import Rule
from tests.support.apiclient import get, watch
from tests.support.apiserver import running
from tests.support.cluster_objects import node, pod
from tests.support.tls import self_signed

PODS = "/api/v1/pods"


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def test_without_tokens_everybody_is_let_in() -> None:
    """A demonstration needs no credentials."""
    with running(pod("p1")) as cluster:
        assert 200 == get(cluster.url + PODS).status


def test_with_tokens_nobody_else_is_let_in() -> None:
    """A missing, wrong or differently presented token is 401 with a Status."""
    with running(pod("p1"), tokens=["good"]) as cluster:
        good = get(cluster.url + PODS, headers=bearer("good"))
        refused = [
            get(cluster.url + path, headers=headers)
            for path, headers in (
                (PODS, {}),
                (PODS, bearer("bad")),
                (PODS, {"Authorization": "Basic good"}),
                ("/api", {}),
            )
        ]

    assert 200 == good.status
    assert [(401, "Unauthorized")] * 4 == [(one.status, one.json["reason"]) for one in refused]


@pytest.mark.parametrize("path", ["/version", "/healthz", "/readyz", "/livez"])
def test_health_and_version_need_no_token(path: str) -> None:
    """As in a real cluster, so that probes work."""
    with running(tokens=["good"]) as cluster:
        assert 200 == get(cluster.url + path).status


def test_tokens_can_be_rotated_while_a_watch_stays_open() -> None:
    """New requests need the new token; an open watch is not cut."""
    with (
        running(pod("p0"), tokens=["old"]) as cluster,
        watch(cluster.url + PODS, headers=bearer("old")) as stream,
    ):
        stream.next()
        cluster.rotate_tokens("new")
        cluster.put(pod("p1"))

        assert [("ADDED", "p1")] == stream.take(1)
        statuses = [get(cluster.url + PODS, headers=bearer(it)).status for it in ("old", "new")]
        assert [401, 200] == statuses


def test_a_rule_refuses_one_verb_on_one_resource() -> None:
    """403 names user, verb, resource and scope; everything else still works."""
    with running(node("n1"), pod("p1")) as cluster:
        cluster.forbid(Rule("watch", "pods"), Rule(None, "nodes"))
        watched = get(cluster.url + PODS, {"watch": "true"})
        node_read = get(f"{cluster.url}/api/v1/nodes/n1")
        in_namespace = get(f"{cluster.url}/api/v1/namespaces/x/pods", {"watch": "true"})
        listed = get(cluster.url + PODS)

    assert (403, "Forbidden", 403) == (watched.status, watched.json["reason"], watched.json["code"])
    assert 'cannot watch resource "pods" in API group "" at the cluster scope' in str(watched.json)
    assert (403, {"kind": "nodes", "name": "n1"}) == (node_read.status, node_read.json["details"])
    assert 'in the namespace "x"' in in_namespace.json["message"]
    assert 200 == listed.status


def test_it_serves_tls_with_the_certificate_it_is_given(tmp_path: Path) -> None:
    """Clients that verify the certificate are served."""
    made = self_signed(tmp_path)
    with running(node("n1"), tls=made.context()) as cluster:
        answer = get(f"{cluster.url}/api/v1/nodes", authority=made.cert)

    assert cluster.url.startswith("https://")
    assert ["n1"] == answer.names
