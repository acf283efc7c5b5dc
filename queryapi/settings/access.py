"""Settings of who may ask: tokens, OpenID Connect, Kubernetes' service accounts, nobody at all."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field


class Role(StrEnum):
    """What a caller may do; docs/api.md has the table of roles and routes."""

    VIEWER = "viewer"
    WORKER = "worker"
    OPERATOR = "operator"
    ADMIN = "admin"


class Api(StrEnum):
    """The documented APIs, as `auth.anonymous` names them."""

    REALTIME = "realtime"
    HEALTH = "health"
    MONITORING = "monitoring"
    POOLS = "pools"
    JOBS = "jobs"


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the bearers of one claim's value, or the members of one group, may do."""

    value: Annotated[str, Meta(min_length=1, description="The value that the claim must hold.")]
    role: Annotated[Role, Meta(description="viewer, worker, operator or admin.")]
    claim: Annotated[
        str, Meta(min_length=1, description="The claim; of a service account, `groups` or `user`.")
    ] = "groups"
    clusters: Annotated[
        tuple[str, ...] | None, Meta(description="The only clusters they see; default: all.")
    ] = None
    namespaces: Annotated[
        tuple[str, ...] | None, Meta(description="The only namespaces they see; default: all.")
    ] = None


class Oidc(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """JSON web tokens of an OpenID Connect issuer."""

    issuer: Annotated[str, Meta(description="Issuer URL; its discovery document names the keys.")]
    audience: Annotated[str, Meta(min_length=1, description="What `aud` must hold.")]
    jwks_url: Annotated[
        str | None, Meta(description="Where the keys are, when there is no discovery document.")
    ] = None
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities that https URLs are held to.")
    ] = None
    algorithms: Annotated[
        tuple[str, ...], Meta(min_length=1, description="Signatures that are accepted.")
    ] = ("RS256", "ES256")
    name_claim: Annotated[str, Meta(min_length=1, description="What callers are called.")] = "sub"
    grants: Annotated[
        tuple[Grant, ...], Meta(description="Who may do what; the first that fits counts.")
    ] = ()


class TokenReview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tokens of Kubernetes service accounts and users, which an API server reviews."""

    grants: Annotated[
        tuple[Grant, ...], Meta(description="Who may do what; the first that fits counts.")
    ]
    server: Annotated[str, Meta(description="The API server's URL.")] = (
        "https://kubernetes.default.svc"
    )
    ca_file: Annotated[str | None, Meta(description="PEM file of its authorities.")] = (
        "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    )
    token_file: Annotated[str, Meta(description="File with our own token.")] = (
        "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path
    )
    audiences: Annotated[
        tuple[str, ...], Meta(description="What a token must be meant for; default: the server's.")
    ] = ()


class Anonymous(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What callers without any token may do, API by API; a wrong token is refused even so."""

    realtime: Annotated[Role | None, Meta(description="Real-time status.")] = None
    health: Annotated[Role | None, Meta(description="Real-time metrics.")] = None
    monitoring: Annotated[Role | None, Meta(description="Scheduler monitoring.")] = None
    pools: Annotated[Role | None, Meta(description="Compute pools.")] = None
    jobs: Annotated[Role | None, Meta(description="Job progress.")] = None


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may ask. With nothing of it configured, everybody may: on loopback only."""

    tokens_file: Annotated[
        str | None, Meta(description="File that `gpuscope-api token` writes; read when it changes.")
    ] = None
    oidc: Annotated[Oidc | None, Meta(description="JSON web tokens of an issuer.")] = None
    token_review: Annotated[
        TokenReview | None, Meta(description="Tokens that Kubernetes reviews.")
    ] = None
    anonymous: Annotated[
        Anonymous, Meta(description="What callers without a token may do: a role, or nothing.")
    ] = field(default_factory=Anonymous)
    metrics: Annotated[
        Literal["open", "token"],
        Meta(
            description="Who may have `/metrics`, which names clusters and jobs: open = everybody;"
            " token = whose token may read the real-time API and is limited to nothing."
        ),
    ] = "open"

    @property
    def configured(self) -> bool:
        """Whether there is any way to tell callers apart."""
        return bool(self.tokens_file or self.oidc or self.token_review)
