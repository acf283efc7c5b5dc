"""Who may have the metrics, where the settings close them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from queryapi.settings import Anonymous, Auth, Limits, Role
from tests.support.access import issue
from tests.support.query_service import Service, body, running


@dataclass(frozen=True, slots=True)
class Closed:
    """A service with closed metrics, and the file of its tokens."""

    service: Service
    tokens: Path

    def issue(self, role: Role, **limits: tuple[str, ...]) -> str:
        """Return a new token that the service knows."""
        token = issue(self.tokens, role, **limits)  # type: ignore[arg-type]
        self.service.clock.now += 2
        return token

    def status(self, token: str | None, *, method: str = "GET") -> int:
        """Return what whoever sends *token* meets."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.service.http.open("/metrics", method=method, headers=headers).status_code


@pytest.fixture(name="closed")
def _closed(tmp_path: Path) -> Iterator[Closed]:
    path = tmp_path / "tokens"
    issue(path, Role.ADMIN)
    auth = Auth(tokens_file=str(path), anonymous=Anonymous(realtime=Role.VIEWER), metrics="token")
    with running(auth=auth, limits=Limits(per_minute=0)) as service:
        yield Closed(service, path)


def test_whose_token_reads_every_cluster_may_scrape(closed: Closed) -> None:
    """A worker's does not; what callers without a token may read elsewhere opens nothing here."""
    met = {role.value: closed.status(closed.issue(role)) for role in Role}

    assert {"viewer": 200, "worker": 403, "operator": 200, "admin": 200} == met
    assert 401 == closed.status(None)
    assert 401 == closed.status(None, method="HEAD")
    assert 401 == closed.status(f"gpuscope_{'0' * 12}_{'0' * 64}")


def test_limited_callers_see_no_other_clusters_names(closed: Closed) -> None:
    """Metrics tell of every cluster, and of the jobs of every namespace."""
    namespaced = closed.issue(Role.VIEWER, namespaces=("ml",))
    limited = closed.issue(Role.ADMIN, clusters=("c",))
    refused = closed.service.http.get("/metrics", headers={"Authorization": f"Bearer {limited}"})

    assert [403, 403] == [closed.status(namespaced), refused.status_code]
    assert {
        "error": "this tells of every cluster and of all jobs; ask for a token that is limited to"
        " none"
    } == body(refused)


def test_the_other_open_routes_stay_open(closed: Closed) -> None:
    """Only the metrics are closed, and the description says so."""
    open_routes = ("/healthz", "/readyz", "/openapi.json", "/docs")
    described = body(closed.service.get("/openapi.json"))["paths"]

    assert [200] * 4 == [closed.service.get(path).status_code for path in open_routes]
    assert "oversee" == described["/metrics"]["get"]["x-needs"]
    assert {"200", "401", "403", "429"} < set(described["/metrics"]["get"]["responses"])
    assert "security" not in described["/healthz"]["get"]


def test_metrics_are_open_by_default(tmp_path: Path) -> None:
    """As most sites' Prometheus sends no token."""
    issue(tmp_path / "tokens", Role.ADMIN)
    with running(auth=Auth(tokens_file=str(tmp_path / "tokens"))) as service:
        assert 200 == service.get("/metrics").status_code
