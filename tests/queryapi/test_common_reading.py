"""Several clusters, several replicas and several processes, over HTTP and a real Redis."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from demo.processes import LOOPBACK, free_port
from queryapi import app
from queryapi.settings import BasicAuth, Cluster, Settings
from tests.support.api_process import Api, api
from tests.support.fake_prometheus import FakePrometheus
from tests.support.query_service import Visitor, body
from tests.support.redis import redis_server
from tests.support.waiting_prometheus import answering

STATUS = "/api/v1/realtime/status"
TASKS = "/api/v1/realtime/running-tasks"


@contextmanager
def _serving(*clusters: Cluster) -> Iterator[Visitor]:
    service = app.build(Settings(clusters=clusters))
    try:
        yield Visitor(service.wsgi)
    finally:
        service.close()


def _gpus(answer: TestResponse) -> int:
    told = body(answer)["data"]["current_gpu_usage"]["total_gpus"]
    assert isinstance(told, int)
    return told


def test_clusters_have_nothing_in_common(tmp_path: Path) -> None:
    """Each is asked of its own Prometheus, by its own labels, tenant and credentials alone."""
    (tmp_path / "token").write_text("token-of-a")
    with ExitStack() as stack:
        (ours, url_a), (theirs, url_b) = (stack.enter_context(answering()) for _ in range(2))
        theirs.found["totals"] = [{**it, "value": [1000, "99"]} for it in theirs.found["totals"]]
        http = stack.enter_context(
            _serving(
                Cluster(
                    "a",
                    url_a,
                    bearer_token_file=str(tmp_path / "token"),
                    headers={"X-Scope-OrgID": "tenant-a"},
                ),
                Cluster("b", url_b, matchers={"site": "b"}, basic_auth=BasicAuth("u", "p")),
            )
        )
        told = [_gpus(http.get(f"{STATUS}?cluster={name}")) for name in ("a", "b", "a")]

    assert [16, 99, 16] == told
    assert all('cluster="a"' in query and "site" not in query for query in ours.queries)
    assert all('site="b"' in query and "cluster=" not in query for query in theirs.queries)
    assert {("Bearer token-of-a", "tenant-a")} == _credentials(ours)
    assert {("Basic dTpw", None)} == _credentials(theirs)


def _credentials(prometheus: FakePrometheus) -> set[tuple[str | None, str | None]]:
    return {(sent.get("Authorization"), sent.get("X-Scope-OrgID")) for sent in prometheus.headers}


def test_one_replica_is_enough() -> None:
    """With the first one dead every answer comes from the other, current and without a mark."""
    dead = f"http://{LOOPBACK}:{free_port()}"
    with answering() as (prometheus, url), _serving(Cluster("c", (dead, url))) as http:
        answers = [http.get(f"{path}?cluster=c") for path in (STATUS, TASKS, STATUS)]
        ready = http.get("/readyz")

    assert [200] * 3 == [answer.status_code for answer in answers]
    assert not any("Warning" in answer.headers for answer in answers)
    assert 200 == ready.status_code
    assert {1} == {prometheus.count(part) for part in ("evaluation", "stamps", "totals", "tasks")}


def _text(service: Api, path: str, query: dict[str, str]) -> str:
    # An answer that is kept keeps its connection, and the service's end waits for that.
    return service.get(path, cluster="prod-cluster", **query).text


@pytest.mark.e2e
def test_processes_with_one_redis_read_each_part_once(tmp_path: Path) -> None:
    """Two services, many clients at once: Prometheus is asked as often as by one client."""
    folders = [tmp_path / name for name in ("one", "two", "redis")]
    for folder in folders:
        folder.mkdir()
    with ExitStack() as stack:
        prometheus, url = stack.enter_context(answering())
        redis = stack.enter_context(redis_server(folders[2]))
        settings = {
            "redis_url": redis.url,
            # No window ends while this runs.
            "cache": {"ttl": 80_000, "stale": 86_400},
            # Nobody observes pools.
            "database_url": None,
        }
        services = [stack.enter_context(api(folder, url, settings)) for folder in folders[:2]]
        asked = [
            (service, path, query)
            for service in services
            for path, query in ((STATUS, {"include": "nodes,alerts,events"}), (TASKS, {}))
        ] * 8
        with ThreadPoolExecutor(16) as crowd:
            told = set(crowd.map(lambda it: _text(*it), asked))

    assert 2 == len(told)
    assert dict.fromkeys(
        ("alerts", "evaluation", "events", "nodes", "stamps", "tasks", "totals"), 1
    ) == Counter(part for part, _ in prometheus.asked)
