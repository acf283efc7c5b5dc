"""Tables: the cells kubectl prints, for healthy objects and for the states people look for."""

import json
from typing import Any

import pytest

from demo.kubernetes import resources, tables
from tests.support.apiclient import get
from tests.support.apiserver import running
from tests.support.cluster_objects import node, pod

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
NOW = 1_700_000_000.0
CREATED = "2023-11-14T22:12:00Z"  # 80 s before NOW


def cells(content: dict[str, Any]) -> dict[str, Any]:
    """Return an object's cells by column name."""
    resource = resources.of(content)
    content["metadata"].setdefault("creationTimestamp", CREATED)
    body = json.dumps(content).encode()
    names = [column["name"] for column in tables.columns(resource)]
    found = tables.cells(resource, ("default", content["metadata"]["name"]), body, NOW)
    return dict(zip(names, found, strict=True))


def pod_with(status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Return a pod with its status replaced."""
    content = pod("p1")
    return content | {"spec": content["spec"] | spec, "status": status}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (601, "10m"),
        (3 * 3600 + 60, "3h1m"),
        (9 * 3600, "9h"),
        (50 * 3600, "2d2h"),
        (100 * 86400, "100d"),
        (800 * 86400, "2y70d"),
        (3000 * 86400, "8y"),
    ],
)
def test_ages_are_said_as_kubectl_says_them(seconds: int, text: str) -> None:
    """Two units while they matter, one afterwards."""
    assert text == tables.age(CREATED, NOW - 80 + seconds)


def test_an_unknown_age_is_unknown() -> None:
    """No creation time, no age."""
    assert "<unknown>" == tables.age(None, NOW)


def test_a_node_shows_what_operators_look_for() -> None:
    """State, roles, version and where it runs."""
    found = cells(node("n1", labels={"node-role.kubernetes.io/gpu": "", "a": "b"}))

    assert {
        "Name": "n1",
        "Status": "Ready",
        "Roles": "gpu",
        "Age": "80s",
        "Version": "v1.34.1",
        "Internal-IP": "10.0.0.1",
        "External-IP": "<none>",
        "OS-Image": "Debian GNU/Linux 12",
        "Kernel-Version": "6.1.0",
        "Container-Runtime": "containerd://2.1.0",
    } == found


def test_a_sick_or_cordoned_node_says_so() -> None:
    """NotReady, Unknown and SchedulingDisabled."""
    cordoned = node("n1", ready=False) | {"spec": {"unschedulable": True}}
    silent = node("n2") | {"status": {}}

    assert "NotReady,SchedulingDisabled" == cells(cordoned)["Status"]
    assert "Unknown" == cells(silent)["Status"]


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({"phase": "Running"}, "Running"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        (
            {
                "phase": "Running",
                "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
            },
            "CrashLoopBackOff",
        ),
        (
            {
                "phase": "Succeeded",
                "containerStatuses": [{"state": {"terminated": {"reason": "Completed"}}}],
            },
            "Completed",
        ),
        (
            {"containerStatuses": [{"state": {"terminated": {"signal": 9, "exitCode": 137}}}]},
            "Signal:9",
        ),
        ({"containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}, "ExitCode:3"),
        (
            {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}],
            },
            "SchedulingGated",
        ),
        (
            {
                "phase": "Pending",
                "initContainerStatuses": [
                    {"state": {"terminated": {"exitCode": 0}}},
                    {"state": {"running": {}}},
                ],
            },
            "Init:1/2",
        ),
        (
            {"initContainerStatuses": [{"state": {"terminated": {"exitCode": 2}}}]},
            "Init:ExitCode:2",
        ),
        (
            {"initContainerStatuses": [{"state": {"waiting": {"reason": "PodInitializing"}}}]},
            "Init:0/1",
        ),
        (
            {
                "phase": "Running",
                "initContainerStatuses": [{"started": True, "state": {"running": {}}}],
            },
            "Running",
        ),
    ],
)
def test_a_pod_s_status_is_why_it_does_not_run(status: dict[str, Any], shown: str) -> None:
    """The reason of the container that stops it, before the phase."""
    assert shown == cells(pod_with(status))["Status"]


def test_a_deleted_pod_is_terminating_or_lost() -> None:
    """Whatever its containers say."""
    going = pod("p1")
    going["metadata"]["deletionTimestamp"] = CREATED
    lost = pod_with({"reason": "NodeLost"})
    lost["metadata"]["deletionTimestamp"] = CREATED

    assert ["Terminating", "Unknown"] == [cells(it)["Status"] for it in (going, lost)]


def test_restarts_gates_and_readiness_are_counted() -> None:
    """With the time of the latest restart."""
    rows = [
        {
            "ready": True,
            "restartCount": 2,
            "state": {"running": {}},
            "lastState": {"terminated": {"finishedAt": CREATED}},
        },
        {"ready": False, "restartCount": 1, "state": {}},
    ]
    status = {"containerStatuses": rows, "conditions": [{"type": "g/one", "status": "True"}]}
    gates = [{"conditionType": "g/one"}, {"conditionType": "g/two"}]
    found = cells(pod_with(status, readinessGates=gates))

    assert ("1/1", "3 (80s ago)", "1/2") == (
        found["Ready"],
        found["Restarts"],
        found["Readiness Gates"],
    )


@pytest.mark.parametrize("body", [b"broken", b"[]", b'{"metadata":[]}', b'{"metadata":{}}'])
def test_an_object_that_cannot_be_read_still_has_a_row(body: bytes) -> None:
    """Its name, and "<unknown>" for the rest."""
    found = tables.cells(resources.named("nodes"), ("", "n1"), body, NOW)

    assert ("n1", 10) == (found[0], len(found))
    assert "<unknown>" == found[3]


@pytest.mark.parametrize(
    ("include", "shown"), [("Metadata", "PartialObjectMetadata"), ("Object", "Pod"), ("None", None)]
)
def test_rows_carry_as_much_of_the_object_as_asked_for(include: str, shown: str | None) -> None:
    """Names and namespaces are enough for kubectl; others may want all or nothing."""
    with running(pod("p1")) as cluster:
        url = f"{cluster.url}/api/v1/pods"
        answer = get(url, {"includeObject": include}, headers=TABLE)
    carried = answer.json["rows"][0]["object"]

    assert ("Table", "meta.k8s.io/v1") == (answer.json["kind"], answer.json["apiVersion"])
    assert shown == (carried and carried["kind"])


def test_other_resources_show_name_and_age() -> None:
    """No printer of their own, but a table all the same."""
    content = {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": "j1"}}

    assert {"Name": "j1", "Age": "80s"} == cells(content)
