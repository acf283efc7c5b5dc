"""Of a NativeLink the doctor looks for the series that it sends itself."""

from pathlib import Path

import pytest

from demo.processes import wait_for
from queryapi.promql.series import ACTIONS, CONNECTED, NATIVELINK, STATES, variants
from tests.support import nativelink
from tests.support.doctor import Found, Store, problems, seen, told
from tests.support.prometheus import Target, prometheus

NAMES = [name for series in NATIVELINK for name in variants(series.name)]
PLAIN = dict.fromkeys([variants(series.name)[1] for series in NATIVELINK])
NOTHING = dict.fromkeys(NAMES)


def looked(store: Store, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Return what is said of *store* as a NativeLink's."""
    return seen(store, folder, capsys, source="nativelink")


def test_neither_exporters_nor_rules_are_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each instrument, under the name that it has."""
    status, lines = looked(Store(ages=dict(PLAIN), rules=[]), tmp_path, capsys)

    assert 0 == status
    assert [
        "ok       clock: agrees with this machine's",
        "ok       nativelink_worker_connected_count: 3 s old",
        "ok       nativelink_worker_state_count: 3 s old",
        "ok       nativelink_execution_active_count: 3 s old",
        "all is well",
    ] == lines[1:]


def test_two_names_of_one_number_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which of them counts is said."""
    status, lines = looked(Store(), tmp_path, capsys)

    assert 0 == status
    assert (
        f"note     {CONNECTED}: it is there under two names: nativelink_{CONNECTED} counts,"
        f" {CONNECTED} does not"
    ) in lines


def test_what_an_older_nativelink_lacks_is_no_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What its absence means is said."""
    store = Store(ages={**NOTHING, ACTIONS: 3.0})
    status, lines = looked(store, tmp_path, capsys)

    assert 0 == status
    assert (
        f"note     {CONNECTED}: missing: numbers of workers are null: NativeLink tells them from"
        " 1.6.5 on, once one has connected"
    ) in lines
    assert f"note     {STATES}: missing: no worker was paused" in "\n".join(lines)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("missing, and execution_active_count too: let NativeLink (0.7.9 or newer;", {}),
        (
            f'{ACTIONS}: it exists with cluster="b", not with cluster="prod-cluster":',
            {
                f"count({ACTIONS})": [({}, 1.0)],
                f"count by (cluster) ({ACTIONS})": [({"cluster": "b"}, 1.0)],
            },
        ),
        (
            f"nativelink_{CONNECTED}: last seen",
            {f"count(nativelink_{CONNECTED})": [({}, 1.0)], "max_over_time": [({}, 1.0)]},
        ),
    ],
)
def test_nothing_at_all_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: str, found: dict[str, Found]
) -> None:
    """Nothing is sent, or it has other labels, or it has come to an end."""
    status, lines = looked(Store(ages=dict(NOTHING), found=found), tmp_path, capsys)

    assert 1 == status
    [problem] = problems(lines)
    assert said in problem
    assert "let NativeLink" in problem


def test_what_is_not_sent_any_more_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answers leave it out long before Prometheus does."""
    ages = {**PLAIN, f"nativelink_{CONNECTED}": 200.0}
    status, lines = looked(Store(ages=ages), tmp_path, capsys)

    assert 1 == status
    [problem] = problems(lines)
    assert problem.startswith(f"nativelink_{CONNECTED}: 200 s old, and not used beyond 150 s: let")


def test_matchers_that_add_up_several_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two NativeLinks in one Prometheus are two clusters."""
    found: Found = [({"cluster": "a"}, 1.0), ({"cluster": "b"}, 1)]
    store = Store(ages=dict(PLAIN), found={"count by (cluster) (nativelink_worker_c": found})
    _, lines = looked(store, tmp_path, capsys)

    [problem] = problems(lines)
    assert (
        "matchers: they select 2 clusters (a, b), whose numbers are added up: make `matchers` of"
        " this cluster name one"
    ) == problem


@pytest.mark.e2e
def test_a_real_prometheus_with_a_nativelink_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its series and without any exporter; another cluster's name finds nothing."""
    with (
        Target(nativelink.exposition("")) as target,
        prometheus(tmp_path, target, rules="groups: []") as running,
    ):

        def well() -> bool:
            return told(tmp_path, running.url, capsys, source="nativelink")[0] == 0

        wait_for(well, seconds=60, what="the first scrape")
        _, other = told(tmp_path, running.url, capsys, cluster="other", source="nativelink")

    [problem] = problems(other)
    assert 'it exists with cluster="prod-cluster"' in problem
