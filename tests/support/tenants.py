"""A service that several tenants share, and everybody who may ask it something."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from queryapi.settings import Auth, Grant, Limits, Oidc, Role
from tests.support import issuer
from tests.support.access import issue
from tests.support.fake_prometheus import Series
from tests.support.issuer import AUDIENCE
from tests.support.pools import WHOLE
from tests.support.promql_reading import Matched, chosen
from tests.support.query_service import Service, running
from tests.support.stored import prepared

OURS, THEIRS = "ours", "theirs-canary"
"""The namespaces of two tenants; the second one's name is in all that is theirs."""
ELSEWHERE = "elsewhere-canary"
"""What the hardware of the second cluster is called."""
HIDDEN: Mapping[str, tuple[str, ...]] = {
    "viewer of ours": (THEIRS,),
    "worker of ours": (THEIRS,),
    "viewer of c": (THEIRS, ELSEWHERE),
    "viewer of ours by the issuer": (THEIRS,),
    "worker of ours by the issuer": (THEIRS,),
}
"""Callers who are limited, and what they may see nothing of."""


_GRANTS = (
    Grant("ops", Role.OPERATOR),
    Grant("viewers of ours", Role.VIEWER, namespaces=(OURS,)),
    Grant("workers of ours", Role.WORKER, namespaces=(OURS,)),
)


@dataclass(frozen=True, slots=True)
class Tenants:
    """A running service and what each caller sends to be known."""

    service: Service
    callers: Mapping[str, dict[str, str]]


@contextmanager
def tenants(folder: Path) -> Iterator[Tenants]:
    """Run the service, closed, for the clusters c and d: all of d, and part of c, is THEIRS."""
    path = folder / "tokens.json"
    with issuer.running() as source:
        told = {
            **{role.value: issue(path, role) for role in Role},
            "viewer of ours": issue(path, Role.VIEWER, namespaces=(OURS,)),
            "worker of ours": issue(path, Role.WORKER, namespaces=(OURS,)),
            "viewer of c": issue(path, Role.VIEWER, clusters=("c",), namespaces=(OURS, "x.y")),
            "wrong": f"gpuscope_{'0' * 12}_{'0' * 64}",
            "of the issuer": source.token(),
            "viewer of ours by the issuer": source.token(groups=["viewers of ours"]),
            "worker of ours by the issuer": source.token(groups=["workers of ours"]),
            "of another issuer": source.token("two"),
        }
        auth = Auth(
            tokens_file=str(path),
            metrics="token",
            oidc=Oidc(source.url, AUDIENCE, grants=_GRANTS),
        )
        with running(
            clusters=("c", "d"),
            auth=auth,
            limits=Limits(per_minute=0),
            database_url=prepared(folder),
        ) as service:
            callers = {name: {"Authorization": f"Bearer {text}"} for name, text in told.items()}
            service.prometheus.tells = found_by
            _fill(service, callers["admin"])
            yield Tenants(service, {"nobody": {}, **callers})


def found_by(query: str, series: Series) -> bool:
    """Tell whether a query may find a series of somebody's work, by whose work it asks for."""
    labels = series["metric"]
    return "namespace" not in labels or any(
        all(_accepts(matcher, labels) for matcher in selector if matcher[0] == "namespace")
        for selector in chosen(query)
    )


def _accepts(matcher: Matched, labels: Mapping[str, str]) -> bool:
    label, operator, value = matcher
    text = labels.get(label, "")
    same = re.fullmatch(value, text) is not None if "~" in operator else text == value
    return same is not operator.startswith("!")


def _fill(service: Service, admin: dict[str, str]) -> None:
    """Store and publish something of each tenant."""
    for cluster in "cd":
        pool = dict(WHOLE) | {"name": OURS if cluster == "c" else ELSEWHERE, "cluster": cluster}
        assert 201 == service.http.post("/api/pools", json=pool, headers=admin).status_code
        for namespace in (OURS, THEIRS) if cluster == "c" else (THEIRS,):
            job = {"id": f"{namespace}-{cluster}", "cluster": cluster, "namespace": namespace}
            made = service.http.post("/api/jobs", json=job, headers=admin)
            assert 201 == made.status_code, made.text
    tasks = [
        {**series, "metric": {**series["metric"], "namespace": namespace, "pod": f"{namespace}-p"}}
        for namespace in (OURS, THEIRS)
        for series in service.prometheus.found["tasks"]
    ]
    service.prometheus.found["tasks"] = tasks
