"""The pod of a process is read from its control groups, whatever made them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ConfigurationError
from exporter.node.holders.cgroups import OUTSIDE, Processes, pod_uid

UID = "1f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8"
UNDERSCORED = UID.replace("-", "_")
ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        pytest.param(
            f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORED}.slice"
            f"/cri-containerd-{ID}.scope\n",
            UID,
            id="v2, systemd, containerd",
        ),
        pytest.param(
            f"0::/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-{ID}.scope/container\n",
            UID,
            id="v2, systemd, crio, guaranteed",
        ),
        pytest.param(f"0::/../../pod{UID}/{ID}\n", UID, id="v2, seen from another pod"),
        pytest.param(
            f"12:memory:/kubepods/besteffort/pod{UID}/{ID}\n11:cpu,cpuacct:/\n0::/\n",
            UID,
            id="v1, cgroupfs",
        ),
        pytest.param(
            f"5:devices:/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/docker-{ID}.scope\n",
            UID,
            id="v1, systemd, docker",
        ),
        pytest.param(
            f"1:name=systemd:/system.slice/containerd.service/kubepods-besteffort-pod{UNDERSCORED}"
            f".slice:cri-containerd:{ID}\n",
            UID,
            id="v1, containerd that was set up for cgroupfs",
        ),
        pytest.param(
            f"0::/kubepods/pod{'a' * 32}/{ID}\n", "a" * 32, id="a static pod, named by a hash"
        ),
        pytest.param(
            f"0::/kubepods/pod00000000-0000-0000-0000-000000000000/{ID}/kubelet/kubepods/pod{UID}\n",
            UID,
            id="a cluster in a pod",
        ),
        pytest.param("0::/user.slice/user-1000.slice/session-3.scope\n", None, id="a user's"),
        pytest.param(f"0::/system.slice/docker-{ID}.scope\n", None, id="docker's own"),
        pytest.param("0::/kubepods.slice/podman.service\n", None, id="no pod"),
        pytest.param("", None, id="a kernel without groups"),
    ],
)
def test_styles(text: str, uid: str | None) -> None:
    """Both versions, both drivers and all runtimes are understood."""
    assert uid == pod_uid(text)


@given(st.text())
def test_any_text(text: str) -> None:
    """No text is an error."""
    pod_uid(text)


def test_processes(tmp_path: Path) -> None:
    """A process is of a pod or of none; one that has ended is neither."""
    for pid, text in {1: "0::/init.scope\n", 7: f"0::/kubepods/pod{UID}/{ID}\n"}.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(text)

    assert {1: OUTSIDE, 7: UID} == Processes(tmp_path).pods({1, 7, 8})


def test_the_hosts_pids_are_needed(tmp_path: Path) -> None:
    """With PIDs of its own the exporter refuses to start, and says what to set."""
    namespaces = tmp_path / "self/ns"
    namespaces.mkdir(parents=True)
    (namespaces / "pid").symlink_to("pid:[4026532000]")
    with pytest.raises(ConfigurationError, match="hostPID: true"):
        Processes(tmp_path).check()
    (namespaces / "pid").unlink()
    with pytest.raises(ConfigurationError):
        Processes(tmp_path).check()

    (namespaces / "pid").symlink_to("pid:[4026531836]")
    Processes(tmp_path).check()
