"""Promises of the trace's two uses, on a trace of a few rows."""

from pathlib import Path

import pytest

from demo.fleet import replay, trace
from demo.fleet.replay import Change, Delete, Put, Timeline

NODES = """\
sn,cpu_milli,memory_mib,gpu,model
n0,32000,262144,0,
n1,96000,786432,2,G2
"""
PODS = """\
name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
p0,4000,1024,2,1000,,LS,Running,10,100,12
p1,4000,1024,1,460,,BE,Running,20,200,30
p2,4000,1024,1,460,,BE,Pending,100,300,100
p3,4000,1024,0,0,,BE,Pending,50,60,
p4,4000,1024,1,1000,,LS,Pending,70,70,
"""


@pytest.fixture(name="directory")
def _directory(tmp_path: Path) -> Path:
    (tmp_path / "openb_node_list_all_node.csv").write_text(NODES)
    (tmp_path / "openb_pod_list_default.csv").write_text(PODS)
    return tmp_path


def _told(changes: list[Change]) -> list[str]:
    """Return each change as `name phase node devices`, or `-name` for a deletion."""
    return [_line(change) for change in changes]


def _line(change: Change) -> str:
    if isinstance(change, Delete):
        return f"-{change.name}"
    metadata, spec = change.content["metadata"], change.content["spec"]
    index = metadata.get("annotations", {}).get("alibabacloud.com/gpu-index", "")
    phase = change.content["status"].get("phase", "node")
    return f"{metadata['name']} {phase} {spec.get('nodeName', '')} {index}".rstrip()


def test_packed_puts_all_pods_at_once(directory: Path) -> None:
    """Packed: every row is placed in file order or waits; nothing is ever removed."""
    changes = list(replay.packed(trace.machines(directory), trace.pods(directory)))

    assert [
        "n0 node",
        "n1 node",
        "p0 Running n1 0-1",
        "p1 Pending",
        "p2 Pending",
        "p3 Running n0",
        "p4 Pending",
    ] == _told(changes)


def test_timeline_follows_the_traces_clock(directory: Path) -> None:
    """Timeline: created, scheduled and deleted in the second the trace says, and in that order."""
    timeline = Timeline(trace.machines(directory), trace.pods(directory))

    assert ["p0 Pending"] == _told(list(timeline.until(11)))
    assert ["p0 Running n1 0-1", "p1 Pending"] == _told(list(timeline.until(20)))
    # p1 is scheduled while p0 holds both devices: it stays Pending.
    assert [] == _told(list(timeline.until(49)))
    assert ["p3 Pending", "-p3"] == _told(list(timeline.until(99)))
    # Room is made before it is asked for, within one second.
    assert ["-p0", "p2 Pending", "p2 Running n1 0"] == _told(list(timeline.until(100)))
    assert ["-p1", "-p2"] == _told(list(timeline.until(1000)))


def test_shared_pods_carry_their_share(directory: Path) -> None:
    """A shared pod asks by annotation, in thousandths, and for no GPU resource."""
    timeline = Timeline(trace.machines(directory), trace.pods(directory))
    [shared] = [
        change.content
        for change in timeline.until(20)
        if isinstance(change, Put) and change.content["metadata"]["name"] == "p1"
    ]

    assert "460" == shared["metadata"]["annotations"]["alibabacloud.com/gpu-milli"]
    assert "nvidia.com/gpu" not in shared["spec"]["containers"][0]["resources"]["requests"]


def test_a_share_is_given_back(directory: Path) -> None:
    """A pod deleted before its turn leaves nothing behind."""
    pods = directory / "openb_pod_list_default.csv"
    pods.write_text(PODS.splitlines()[0] + "\np9,1,1,2,1000,,LS,Failed,10,20,20\n")
    timeline = Timeline(trace.machines(directory), trace.pods(directory))

    assert ["p9 Pending", "-p9"] == _told(list(timeline.until(100)))
