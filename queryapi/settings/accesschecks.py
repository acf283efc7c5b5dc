"""Refuses settings of `auth` that would let in the wrong people, or nobody."""

from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from queryapi.errors import ConfigurationError
from queryapi.settings.access import Auth, Grant, Oidc, TokenReview
from queryapi.settings.values import check_file, reads_safely

# Public-key signatures only: with a shared secret, whoever checks tokens could also make them.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
_REVIEWED = ("groups", "user")


def check_auth(auth: Auth, clusters: Collection[str]) -> None:
    """Check who may ask.

    Args:
        auth: The settings.
        clusters: The names of those that are configured.

    Raises:
        ConfigurationError: Naming the first setting that cannot be used.
    """
    if not auth.configured and auth.anonymous != type(auth.anonymous)():
        raise ConfigurationError(
            "auth.anonymous: says what callers without a token may do, but no token is known:"
            " set auth.tokens_file (`gpuscope-api token new` writes one), auth.oidc or"
            " auth.token_review, or leave it out"
        )
    if not auth.configured and auth.metrics == "token":
        raise ConfigurationError(
            "auth.metrics: asks for a token, but none is known: set auth.tokens_file (`gpuscope-api"
            " token new` writes one), auth.oidc or auth.token_review, or leave it out"
        )
    check_file("auth.tokens_file", auth.tokens_file, "; `gpuscope-api token new` writes it")
    if auth.oidc is not None:
        _check_oidc(auth.oidc)
    if auth.token_review is not None:
        _check_review(auth.token_review)
    for where, grant in _grants(auth):
        unknown = sorted(set(grant.clusters or ()) - set(clusters))
        if unknown:
            raise ConfigurationError(
                f"{where}.clusters: {unknown[0]!r} is not among the clusters"
                f" ({', '.join(clusters)})"
            )


def _check_oidc(oidc: Oidc) -> None:
    for setting, url in (("issuer", oidc.issuer), ("jwks_url", oidc.jwks_url)):
        if url is not None and not reads_safely(url):
            raise ConfigurationError(
                f"auth.oidc.{setting}: must be an https URL without user or fragment; http is for"
                " loopback only"
            )
    if urlsplit(oidc.issuer).query:
        raise ConfigurationError("auth.oidc.issuer: must not have a query")
    for algorithm in oidc.algorithms:
        if algorithm not in ALGORITHMS:
            raise ConfigurationError(
                f"auth.oidc.algorithms: {algorithm!r} is not a public-key signature that is"
                f" accepted; these are: {', '.join(ALGORITHMS)}"
            )
    check_file("auth.oidc.ca_file", oidc.ca_file)
    _check_some("auth.oidc.grants", oidc.grants)


def _check_review(review: TokenReview) -> None:
    if not reads_safely(review.server) or urlsplit(review.server).query:
        raise ConfigurationError(
            "auth.token_review.server: must be an https URL without user, query or fragment; http"
            " is for loopback only"
        )
    check_file("auth.token_review.ca_file", review.ca_file)
    check_file("auth.token_review.token_file", review.token_file)
    _check_some("auth.token_review.grants", review.grants)
    for index, grant in enumerate(review.grants):
        if grant.claim not in _REVIEWED:
            raise ConfigurationError(
                f"auth.token_review.grants[{index}].claim: a review tells groups and user,"
                f" not {grant.claim!r}"
            )


def _check_some(where: str, grants: tuple[Grant, ...]) -> None:
    if not grants:
        raise ConfigurationError(f"{where}: without any, nobody may do anything; add at least one")


def _grants(auth: Auth) -> Iterator[tuple[str, Grant]]:
    for section, found in (("oidc", auth.oidc), ("token_review", auth.token_review)):
        for index, grant in enumerate(found.grants if found else ()):
            yield f"auth.{section}.grants[{index}]", grant
