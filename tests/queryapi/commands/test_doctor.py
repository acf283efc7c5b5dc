"""`gpuscope-api doctor` tells an operator what a Prometheus lacks, and what to do."""

import builtins
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from demo.processes import LOOPBACK, free_port, wait_for
from queryapi.cli import main
from queryapi.promql.series import EVALUATED_AT, KNOWN_AT, SERIES, Source
from tests.support import small_fleet
from tests.support.answering import AnsweringServer
from tests.support.doctor import JSON, NOW, RULES, Found, Store, configured, problems, seen, told
from tests.support.prometheus import Prometheus, Target, prometheus
from tests.support.raw_server import RawServer
from tests.support.tls import self_signed

NEEDED = [series.name for series in SERIES if series.source is Source.RULES and series.needed]
_WITHOUT_RULES = (
    f"{', '.join(NEEDED)}: missing: add prometheus/rules/*.yml to rule_files of this Prometheus,"
    " and reload it"
)


def test_a_complete_prometheus_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0, and a line for each thing that was looked at."""
    status, lines = seen(Store(), tmp_path, capsys)

    assert 0 == status
    assert "all is well" == lines[-1]
    assert lines[0].startswith("ok       reachable: version 2.99; answered in ")
    assert [
        "ok       clock: agrees with this machine's",
        "ok       targets: 1 exporters are up",
        f"ok       rules: all {len(RULES)} that are read are loaded",
        "ok       cluster:gpu_evaluation_timestamp_seconds:max: 3 s old",
    ] == lines[1:5]
    assert len(lines) == 5 + len(SERIES)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (
            'it exists with cluster="b" or no cluster, not with cluster="prod-cluster":',
            {
                f"count by (cluster) ({RULES[2]})": [
                    ({}, 1.0),
                    ({"cluster": "b"}, 2.0),
                ]
            },
        ),
        (
            "last seen 10 min ago: its rule is loaded and finds nothing: run gpuscope-exporter",
            {"max_over_time": [({}, 1.0)]},
        ),
        ("its rule is loaded and finds nothing: run gpuscope-exporter cluster", {}),
    ],
)
def test_a_needed_series_that_is_missing_is_explained(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    said: str,
    found: dict[str, Found],
) -> None:
    """Its label is wrong, it ended, or its rule finds nothing: one sentence says what to do."""
    if "max_over_time" in found:
        found = {"max_over_time": [({}, NOW - 600)]}
    store = Store(ages={"cluster:gpu_capacity:sum": None}, found=found)
    status, lines = seen(store, tmp_path, capsys)

    assert 1 == status
    [problem] = problems(lines)
    assert problem.startswith(f"cluster:gpu_capacity:sum: missing: {said}")
    assert "problems: 1" == lines[-1]


def test_rules_that_are_not_loaded_are_to_be_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody else records their series, whether or not somebody did a while ago."""
    ended: dict[str, Found] = {"max_over_time": [({}, NOW - 600)]}
    _, lines = seen(Store(ages=dict.fromkeys(RULES), rules=[], found=ended), tmp_path, capsys)
    [problem] = problems(lines)
    assert "last seen 10 min ago: add prometheus/rules" in problem
    _, lines = seen(Store(ages=dict.fromkeys(RULES), rules=[]), tmp_path, capsys)

    assert [_WITHOUT_RULES] == problems(lines)
    assert "problems: 1" == lines[-1]
    notes = [line for line in lines if line.startswith("note     ")]
    assert any(
        "node:gpu_ready:min" in note and note.endswith(": missing, as cluster:gpu_capacity:sum is")
        for note in notes
    )


def test_many_other_clusters_are_not_all_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five are enough to see what is wrong."""
    others: Found = [({"cluster": f"c{number}"}, 1.0) for number in range(9)]
    store = Store(ages={"gpu_pod_info": None}, found={"count by (cluster) (gpu_pod": others})
    store.found["max(cluster:gpu_running_tasks"] = [({}, 4.0)]
    _, lines = seen(store, tmp_path, capsys)

    [problem] = problems(lines)
    assert 'or cluster="c4" and others, not with cluster="prod-cluster"' in problem


@pytest.mark.parametrize(("level", "number"), [("problem", 4.0), ("note", 0.0)])
def test_pods_must_be_there_when_they_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], level: str, number: float
) -> None:
    """What no pod runs for is no mistake; what one runs for is."""
    store = Store(
        ages={"gpu_pod_info": None}, found={"max(cluster:gpu_running_tasks": [({}, number)]}
    )
    status, lines = seen(store, tmp_path, capsys)
    [line] = [line for line in lines if "gpu_pod_info" in line]

    assert line.startswith(level)
    assert status == (level == "problem")


def test_what_is_old_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beyond what the service would serve; an optional series costs nobody their sleep."""
    store = Store(ages={"cluster:gpu_free:sum": 200.0, "gpu_event_timestamp_seconds": 250.0})
    _, lines = seen(store, tmp_path, capsys)

    [problem] = problems(lines)
    assert problem.startswith("cluster:gpu_free:sum: 200 s old, more than cache.lag: add ")
    assert any(line.startswith("note     gpu_event_timestamp_seconds: 250 s") for line in lines)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("evaluates the rules late", EVALUATED_AT),
        ("has lost its API server", KNOWN_AT),
    ],
)
def test_old_moments_say_who_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: str, name: str
) -> None:
    """Series may be new and tell of something old."""
    store = Store(found={f"min({name}": [({}, NOW - 900)]})
    _, lines = seen(store, tmp_path, capsys)

    [problem] = problems(lines)
    assert problem.startswith("data: 900 s old")
    assert said in problem


def test_a_moment_may_be_any_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody else's rule of that name does not fill the screen."""
    store = Store(found={f"min({EVALUATED_AT}": [({}, -1e300)]})
    _, lines = seen(store, tmp_path, capsys)

    [problem] = problems(lines)
    assert problem.startswith("data: over 1000000000 s old, more than cache.lag: ")


@pytest.mark.parametrize(("side", "ahead"), [("ahead of", 61.0), ("behind", -61.0)])
def test_clocks_that_disagree_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], side: str, ahead: float
) -> None:
    """Ages are then taken by Prometheus' clock, and nothing else seems wrong."""
    _, lines = seen(Store(ahead=ahead), tmp_path, capsys)

    assert [f"clock: 61 s {side} this machine's: let both follow the same time server"] == problems(
        lines
    )


def test_matchers_that_select_several_clusters_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With some of their names."""
    found: Found = [({"cluster": "a"}, 1.0), ({"cluster": "b"}, 1)]
    store = Store(found={"count by (cluster) (cluster:gpu_evaluation": found})
    _, lines = seen(store, tmp_path, capsys, matchers={})

    assert [
        "matchers: they select 2 clusters (a, b): make `matchers` of this cluster name one"
    ] == problems(lines)


def test_exporters_that_are_down_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first ten of them; what they call themselves cannot steer the terminal."""
    down: Found = [
        ({"job": "gpu-node", "instance": f"n{number}\x1b[2J"}, 0.0) for number in range(12)
    ]
    _, lines = seen(Store(found={"up{": down}), tmp_path, capsys)

    assert 11 == len(problems(lines))
    assert problems(lines)[0].startswith("target: gpu-node at n0?[2J is down: see the runbook")
    assert "target: 2 more are down" == problems(lines)[-1]


def test_a_store_that_only_answers_queries_is_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rules, build and targets may be known elsewhere alone."""
    store = Store(rules=None, build=b"<html>", found={"up{": []})
    status, lines = seen(store, tmp_path, capsys)

    assert 0 == status
    assert lines[0].startswith("ok       reachable: it does not tell its version")
    assert "note     rules: it does not tell which it evaluates" in lines
    assert any(line.startswith("note     targets: no job gpu-node") for line in lines)


def test_a_rule_that_fails_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In Prometheus' own words; rules that are not ours are nobody's business here."""
    broken = {"type": "recording", "health": "err", "lastError": "many-to-many"}
    store = Store(rules=[{"name": RULES[0], **broken}, {"name": "theirs", **broken}])
    _, lines = seen(store, tmp_path, capsys)

    assert [f"rule {RULES[0]}: many-to-many"] == problems(lines)
    assert any(
        line.startswith(f"note     rules: {len(RULES) - 1} of {len(RULES)} that") for line in lines
    )


def _refusing(status: int, headers: Mapping[str, str], body: bytes) -> AnsweringServer:
    return AnsweringServer(lambda _path, _query: (status, headers, body))


@pytest.mark.parametrize(
    ("said", "status", "headers", "body"),
    [
        ("it answers HTTP 401: check the credentials", 401, {}, b"who?"),
        ("it answers HTTP 500: is prometheus_url", 500, {}, b"oops"),
        ("it redirects: write the final URL", 302, {"Location": "/there"}, b""),
        ("what answers there is no Prometheus", 200, {}, b"<html>hello</html>"),
        ("what answers there is no Prometheus", 200, JSON, b'{"data":{"result":[7]}}'),
        ("it does not even tell the time", 200, JSON, b'{"data":{"result":[]}}'),
    ],
)
def test_what_is_no_prometheus_is_said_to_be_none(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    said: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
) -> None:
    """One sentence, and nothing else is tried."""
    with _refusing(status, headers, body) as server:
        code, lines = told(tmp_path, server.url, capsys)

    assert 1 == code
    [problem] = problems(lines)
    assert problem.startswith(f"reading it: {said}")


def test_a_prometheus_that_is_not_there_or_hangs_ends_the_examination(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each in its own words, and in bounded time."""
    _, away = told(tmp_path, f"http://{LOOPBACK}:{free_port()}", capsys)
    with RawServer(_wait) as hung:
        _, late = told(tmp_path, hung.url, capsys, patience=0.5)
    with RawServer(_wait, tls=self_signed(tmp_path).context()) as strange:
        _, untrusted = told(tmp_path, strange.url, capsys)

    assert "no connection: is it running" in problems(away)[0]
    assert "it did not answer in time" in problems(late)[0]
    assert "its certificate is not trusted" in problems(untrusted)[0]


def _wait(connection: Any) -> None:
    connection.recv(65536)
    connection.recv(65536)


def test_credentials_are_sent_and_never_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither in lines nor in JSON, even when they are refused."""
    secret = tmp_path / "token"
    secret.write_text("s3cret-t0ken")
    with (
        _refusing(403, {}, b"s3cret-t0ken is wrong") as server,
        configured(
            tmp_path,
            server.url,
            bearer_token_file=str(secret),
            headers={"X-Scope-OrgID": "tenant-7"},
        ) as arguments,
    ):
        main(arguments)
        main([*arguments, "--json"])
    captured = capsys.readouterr()

    assert "Bearer s3cret-t0ken" == server.headers[0]["Authorization"]
    assert "tenant-7" == server.headers[0]["X-Scope-OrgID"]
    assert "HTTP 403" in captured.out
    assert "s3cret" not in captured.out + captured.err
    assert "tenant-7" not in captured.out + captured.err


def test_credentials_that_cannot_be_read_are_a_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other replicas and clusters are still looked at."""
    secret = tmp_path / "token"
    secret.write_bytes(b"\xff")
    status, lines = told(tmp_path, "http://127.0.0.1:1", capsys, bearer_token_file=str(secret))

    assert 1 == status
    assert problems(lines)[0].startswith("credentials: the credentials for Prometheus cannot")


def test_our_own_certificate_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where mutual TLS is asked for; an unusable one is said to be the trouble."""
    for name in ("cert", "key"):
        (tmp_path / name).write_text("no PEM")
    with RawServer(_wait) as server:
        _, lines = told(
            tmp_path,
            server.url.replace("http:", "https:"),
            capsys,
            cert_file=str(tmp_path / "cert"),
            key_file=str(tmp_path / "key"),
        )

    assert 1 == len(problems(lines))


def test_one_cluster_can_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has the same words for machines; an unknown name is a mistake that names the others."""
    with AnsweringServer(Store()) as server:
        path = tmp_path / "gpuscope.yml"
        clusters = [{"name": name, "prometheus_url": [server.url, server.url]} for name in "ab"]
        path.write_text(json.dumps({"clusters": clusters}))
        status = main(["doctor", "--config", str(path), "--cluster", "b", "--json"])
        found = json.loads(capsys.readouterr().out)
        mistaken = main(["--config", str(path), "doctor", "--cluster", "c"])

    assert 0 == status
    assert found["well"]
    assert ["b", "b"] == [diagnosis["cluster"] for diagnosis in found["diagnoses"]]
    assert {"level": "ok", "subject": "clock", "told": "agrees with this machine's"} in found[
        "diagnoses"
    ][0]["findings"]
    assert 1 == mistaken
    assert (
        "gpuscope-api: --cluster: no cluster 'c' is configured; there is a, b\n"
        == capsys.readouterr().err
    )


def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service runs without it; this command says how to get it."""
    real = builtins.__import__

    def importing(name: str, *arguments: Any, **options: Any) -> ModuleType:
        if name == "prometheus_api_client":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", importing)
    with configured(tmp_path, "http://127.0.0.1:1") as arguments:
        status = main(arguments)

    assert 1 == status
    assert "pip install 'gpuscope[doctor]'" in capsys.readouterr().err


def test_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    """Neither by the service nor by this command: no data frames to read a few numbers."""
    with AnsweringServer(Store()) as server, configured(tmp_path, server.url) as arguments:
        code = (
            "import sys; from queryapi import server; from queryapi.cli import main;"
            " print('prometheus_api_client' in sys.modules);"
            f" print(main({arguments!r}), 'pandas' in sys.modules, 'numpy' in sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, text=True
        )
    lines = done.stdout.splitlines()

    assert ("False", "0 False False") == (lines[0], lines[-1])


@pytest.mark.e2e
def test_a_real_prometheus_is_well_when_it_has_everything(
    fleet: Prometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rules, exporters and labels as they should be; another cluster's name finds nothing."""
    wait_for(
        lambda: told(tmp_path, fleet.url, capsys)[0] == 0, seconds=60, what="the rules", every=1
    )
    _, lines = told(tmp_path, fleet.url, capsys)
    status, other = told(tmp_path, fleet.url, capsys, cluster="other")

    assert "all is well" == lines[-1]
    assert 1 == status
    [problem] = problems(other)
    assert 'it exists with cluster="prod-cluster"' in problem
    assert all(name in problem for name in NEEDED)


@pytest.mark.e2e
def test_a_real_prometheus_without_rules_or_without_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first lacks the recorded series alone; the second gets the same advice."""
    pods = "".join(
        f"{line}\n" for line in small_fleet.EXPOSITION.splitlines() if line.startswith("gpu_")
    )
    said = {}
    for name, text in (("pods", pods), ("empty", "")):
        folder = tmp_path / name
        folder.mkdir()
        with (
            Target(text) as target,
            prometheus(folder, target, rules="groups: []") as running,
        ):
            if text:
                wait_for(
                    lambda url=running.url: any(  # type: ignore[misc]
                        line.startswith("ok       gpu_pod_info: ")
                        for line in told(tmp_path, url, capsys)[1]
                    ),
                    seconds=60,
                    what="the first scrape",
                    every=1,
                )
            said[name] = told(tmp_path, running.url, capsys)

    assert (1, 1) == (said["pods"][0], said["empty"][0])
    for _, lines in said.values():
        assert [_WITHOUT_RULES] == problems(lines)
