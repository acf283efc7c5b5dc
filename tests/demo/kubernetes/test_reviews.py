"""TokenReviews say whose a token is, and for what it is good."""

from typing import Any

import pytest
import requests

from demo.kubernetes.access import Grant, User
from demo.kubernetes.reviews import AUDIENCE
from tests.support.apiclient import get
from tests.support.apiserver import Cluster, running

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


def review(cluster: Cluster, token: str, *audiences: str, **changed: Any) -> requests.Response:
    """Have a token reviewed."""
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token, **({"audiences": audiences} if audiences else {})},
    }
    return requests.post(cluster.url + REVIEWS, json={**body, **changed}, timeout=20)


def test_a_good_token_has_a_user() -> None:
    """Name, UID and groups are told, and that the token is for the server."""
    with running() as cluster:
        cluster.enrol(abc=User("ann", ("ops",), "7"))
        answer = review(cluster, "abc")

    assert 201 == answer.status_code
    assert {
        "kind": "TokenReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "spec": {"token": "abc"},
        "status": {
            "authenticated": True,
            "user": {"username": "ann", "uid": "7", "groups": ["ops"]},
            "audiences": [AUDIENCE],
        },
    } == answer.json()


def test_a_wrong_token_has_none() -> None:
    """The review succeeds, and what it says is no."""
    with running() as cluster:
        answer = review(cluster, "abc")

    assert 201 == answer.status_code
    assert {"user": {}, "error": "invalid bearer token"} == answer.json()["status"]


def test_the_servers_own_tokens_are_known() -> None:
    """A token that the server admits is a good one in a review too."""
    with running(tokens=["good"]) as cluster:
        answer = requests.post(
            cluster.url + REVIEWS,
            json={
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenReview",
                "spec": {"token": "good"},
            },
            headers={"Authorization": "Bearer good"},
            timeout=20,
        )

    assert "system:serviceaccount:demo:demo" == answer.json()["status"]["user"]["username"]


def test_a_token_is_good_for_its_audiences_only() -> None:
    """One that is meant for somebody else is refused, and the shared audiences are told."""
    with running() as cluster:
        cluster.enrol(abc=User("ann", audiences=("a", "b")))
        found = [
            review(cluster, "abc", *wanted).json()["status"].get("audiences")
            for wanted in (("b", "c"), ("c",), ())
        ]

    assert [["b"], None, None] == found


@pytest.mark.parametrize("changed", [{"kind": "Pod"}, {"spec": {}}, {"spec": 1}])
def test_what_is_no_review_is_refused(changed: dict[str, Any]) -> None:
    """Another kind, a missing token or a wrong form is 400."""
    with running() as cluster:
        assert 400 == review(cluster, "abc", **changed).status_code


def test_reviews_are_created_and_nothing_else() -> None:
    """There is nothing to list or get, and discovery says so."""
    with running() as cluster:
        statuses = [get(cluster.url + path).status for path in (REVIEWS, f"{REVIEWS}/x")]
        [resource] = get(f"{cluster.url}/apis/authentication.k8s.io/v1").json["resources"]

    assert [405, 405] == statuses
    assert ("tokenreviews", ["create"]) == (resource["name"], resource["verbs"])


def test_reviews_need_permission() -> None:
    """As with any other resource: without a rule for it, creating one is forbidden."""
    with running() as cluster:
        cluster.permit(Grant(("authentication.k8s.io",), ("tokenreviews",), ("create",)))
        allowed = review(cluster, "abc").status_code
        cluster.permit()
        forbidden = review(cluster, "abc").status_code

    assert (201, 403) == (allowed, forbidden)


def test_users_can_be_set_while_it_runs() -> None:
    """`/_demo/users` replaces the tokens that reviews know."""
    with running() as cluster:
        users = {"abc": {"username": "ann", "groups": ["ops"]}}
        told = requests.post(f"{cluster.url}/_demo/users", json=users, timeout=20)
        answer = review(cluster, "abc")

    assert 204 == told.status_code
    assert ["ops"] == answer.json()["status"]["user"]["groups"]
