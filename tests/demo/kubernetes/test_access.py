"""Who is let in, who is refused, and what the refusals look like."""

from pathlib import Path

import pytest
import urllib3

from demo.kubernetes.access import Grant, Rule
from tests.support.apiclient import get, watch
from tests.support.apiserver import Cluster, running
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


def test_a_rule_may_name_the_group() -> None:
    """Jobs of one group can be refused while those of another are not."""
    with running() as cluster:
        cluster.forbid(Rule("list", "jobs.batch"))
        answers = [
            get(f"{cluster.url}/apis/{group}/jobs")
            for group in ("batch/v1", "batch.volcano.sh/v1alpha1")
        ]

    assert [403, 200] == [answer.status for answer in answers]
    assert {"group": "batch", "kind": "jobs"} == answers[0].json["details"]


def statuses(cluster: Cluster, *paths: str) -> list[int]:
    """Return how each path is answered."""
    return [get(cluster.url + path).status for path in paths]


def test_only_what_is_permitted_is_allowed() -> None:
    """Permissions are rules of RBAC roles: groups, resources, verbs, and perhaps names."""
    one, other = f"{PODS[:7]}/namespaces/x/pods/p1", f"{PODS[:7]}/namespaces/x/pods/p2"
    with running(pod("p1", namespace="x"), pod("p2", namespace="x")) as cluster:
        cluster.permit(
            Grant(("",), ("pods",), ("list",)),
            Grant(("",), ("pods",), ("get",), resource_names=("p1",)),
            Grant(("*",), ("jobs",), ("*",)),
            Grant(("apps",), ("*",), ("list",), namespace="x"),
        )
        found = statuses(
            cluster,
            PODS,
            f"{PODS}?watch=true",
            one,
            other,
            "/api/v1/nodes",
            "/apis/batch/v1/jobs",
            "/apis/apps/v1/namespaces/x/replicasets",
            "/apis/apps/v1/namespaces/y/replicasets",
            "/apis/apps/v1/replicasets",
        )

    assert [200, 403, 200, 403, 403, 200, 200, 403, 403] == found


def test_permissions_can_be_set_while_it_runs() -> None:
    """`/_demo/permit` takes the rules as a role has them; null takes all of them back."""
    with running(pod("p1")) as cluster, urllib3.PoolManager(retries=False) as pool:
        found = []
        for body in (
            b'[{"apiGroups":[""],"resources":["nodes"],"verbs":["list"]}]',
            b"null",
            b"[]",
            b'[{"apiGroups":[""]}]',
        ):
            answer = pool.request("POST", f"{cluster.url}/_demo/permit", body=body)
            found.append((answer.status, get(cluster.url + PODS).status))

    assert [(204, 403), (204, 200), (204, 403), (400, 403)] == found


def test_it_serves_tls_with_the_certificate_it_is_given(tmp_path: Path) -> None:
    """Clients that verify the certificate are served."""
    made = self_signed(tmp_path)
    with running(node("n1"), tls=made.context()) as cluster:
        answer = get(f"{cluster.url}/api/v1/nodes", authority=made.cert)

    assert cluster.url.startswith("https://")
    assert ["n1"] == answer.names
