"""Promises about telling what a machine really has."""

from pathlib import Path

import pytest

from demo import real
from demo.nvml.build import environment
from demo.nvml.models import T4, device
from demo.nvml.scenario import Scenario, write
from tests.support.apiserver import running


def test_a_driver_is_one_that_has_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver counts when it answers and has a device."""
    scenario = tmp_path / "devices.ini"
    for name, value in environment(scenario).items():
        monkeypatch.setenv(name, value)
    write(scenario, Scenario())
    without = real.has_driver()
    write(scenario, Scenario(devices=(device(T4, "GPU-a", 0, busy=0),)))

    assert not without
    assert real.has_driver()


def test_a_kubeconfig_counts_when_its_server_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubeconfig of KUBECONFIG, else of the home folder, counts while its server answers."""
    path = tmp_path / ".kube" / "config"
    path.parent.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)

    assert real.kubeconfig() is None
    with running() as cluster:
        cluster.kubeconfig(path)

        assert path == real.kubeconfig()
    monkeypatch.setenv("KUBECONFIG", str(path))

    assert real.kubeconfig() is None


def test_asking_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that hangs counts as none."""
    monkeypatch.setattr(real, "_DRIVER", "import time; time.sleep(60)")
    monkeypatch.setattr(real, "_SECONDS", 0.2)

    assert not real.has_driver()
