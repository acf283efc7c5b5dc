"""`gpuscope-api doctor` where others' exporters are read through adapters."""

from pathlib import Path

import pytest

from tests.support.doctor import RULES, Found, Store, seen

ADAPTED = "adapter:kubernetes_nodes:count"
APISERVER = "gpu_exporter_apiserver_up"
FOUND: dict[str, Found] = {ADAPTED: [({}, 7.0)]}


def _store(*recorded: str, found: dict[str, Found]) -> Store:
    rules = [{"name": name, "type": "recording"} for name in (*RULES, *recorded)]
    return Store(rules=rules, found=found)


def test_what_adapters_speak_of_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where they tell of a cluster, the doctor says so, and all is well."""
    status, lines = seen(_store(ADAPTED, found=FOUND), tmp_path, capsys)

    assert 0 == status
    assert (
        "ok       adapters: kube-state-metrics tells of 7 nodes in place of gpuscope-exporter"
        " cluster"
    ) in lines


def test_what_nobody_can_tell_is_no_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What no adapter records is missing without being a problem."""
    store = _store(ADAPTED, found=FOUND)
    store.ages[APISERVER] = None
    status, lines = seen(store, tmp_path, capsys)

    assert 0 == status
    assert (
        f"note     {APISERVER}: missing: kube-state-metrics and dcgm-exporter do not tell it;"
        " gpuscope's own exporters do (docs/migration.md)"
    ) in lines


def test_what_an_adapter_should_record_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What one records and finds nothing for is as much of a problem as ever."""
    store = _store(ADAPTED, "gpu_pods", found={**FOUND, "gpu_capacity": [({}, 8.0)]})
    store.ages["gpu_pods"] = None
    status, lines = seen(store, tmp_path, capsys)

    assert 1 == status
    assert any(line.startswith("problem  gpu_pods: missing: ") for line in lines)


def test_adapters_without_their_source_are_mentioned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Loaded adapters that speak of nothing are a note: our own exporters may be there."""
    status, lines = seen(_store(ADAPTED, found={ADAPTED: []}), tmp_path, capsys)

    assert 0 == status
    assert any(line.startswith("note     adapters: loaded, and silent: ") for line in lines)
