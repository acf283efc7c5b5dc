"""Settings that would let in the wrong people, or nobody, are refused with a reason."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from queryapi.errors import ConfigurationError
from queryapi.settings import Anonymous, Auth, Role, Settings, is_loopback, reads_safely
from queryapi.settings.checks import check

_GRANT = {"value": "ops", "role": "admin"}
_OIDC = {"issuer": "https://issuer.example", "audience": "gpuscope", "grants": [_GRANT]}
_REVIEW = {"server": "https://kubernetes", "ca_file": None, "grants": [_GRANT]}


def refused(auth: Auth) -> str:
    """Return why settings are refused."""
    with pytest.raises(ConfigurationError) as failure:
        check(Settings(auth=auth))
    return str(failure.value)


@pytest.mark.parametrize(
    ("expected", "changed"),
    [
        ("auth.oidc.issuer: must be an https URL", {"issuer": "http://issuer.example"}),
        ("auth.oidc.issuer: must be an https URL", {"issuer": "https://u:secret@x"}),
        ("auth.oidc.issuer: must not have a query", {"issuer": "https://x?a=b"}),
        ("auth.oidc.jwks_url: must be an https URL", {"jwks_url": "http://10.0.0.1/keys"}),
        ("auth.oidc.algorithms: 'none' is not", {"algorithms": ["RS256", "none"]}),
        ("auth.oidc.algorithms: 'HS256' is not", {"algorithms": ["HS256"]}),
        ("auth.oidc.ca_file: there is no file '/no'", {"ca_file": "/no"}),
        ("auth.oidc.grants: without any, nobody", {"grants": []}),
        (
            "auth.oidc.grants[0].clusters: 'b' is not among the clusters (prod-cluster)",
            {"grants": [{**_GRANT, "clusters": ["b"]}]},
        ),
    ],
)
def test_an_issuer_that_cannot_be_trusted_is_refused(
    expected: str, changed: dict[str, Any]
) -> None:
    """The key is named and what is wrong with it; a password is not repeated."""
    said = refused(Auth(oidc=msgspec.convert({**_OIDC, **changed}, type(_oidc()))))

    assert expected in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("expected", "changed"),
    [
        ("auth.token_review.server: must be an https URL", {"server": "http://kubernetes"}),
        ("auth.token_review.server: must be an https URL", {"server": "https://x?a=b"}),
        ("auth.token_review.ca_file: there is no file '/no'", {"ca_file": "/no"}),
        ("auth.token_review.token_file: there is no file '/no'", {"token_file": "/no"}),
        ("auth.token_review.grants: without any, nobody", {"grants": []}),
        (
            "auth.token_review.grants[0].claim: a review tells groups and user, not 'email'",
            {"grants": [{**_GRANT, "claim": "email"}]},
        ),
    ],
)
def test_an_api_server_that_cannot_be_asked_is_refused(
    tmp_path: Path, expected: str, changed: dict[str, Any]
) -> None:
    """The key is named and what is wrong with it."""
    (tmp_path / "token").write_text("t")
    review = {**_REVIEW, "token_file": str(tmp_path / "token"), **changed}

    assert expected in refused(msgspec.convert({"token_review": review}, Auth))


def test_a_file_of_tokens_must_be_there() -> None:
    """The message says what makes one."""
    said = refused(Auth(tokens_file="/no"))

    assert "auth.tokens_file: there is no file '/no'; `gpuscope-api token new` writes it" == said


def test_anonymous_callers_need_others_to_be_told_from() -> None:
    """With nothing configured everybody may do everything: a smaller role would be a delusion."""
    said = refused(Auth(anonymous=Anonymous(realtime=Role.VIEWER)))

    assert "auth.anonymous: says what callers without a token may do" in said


def test_closed_metrics_need_a_token_to_be_known() -> None:
    """Otherwise nobody could scrape them."""
    said = refused(Auth(metrics="token"))

    assert "auth.metrics: asks for a token, but none is known" in said


def test_whoever_tells_callers_apart_may_listen_anywhere(tmp_path: Path) -> None:
    """Addresses that others reach are allowed with tokens, an issuer or reviews."""
    (tmp_path / "token").write_text("t")
    review = {**_REVIEW, "token_file": str(tmp_path / "token")}
    auths = (
        Auth(tokens_file=str(tmp_path / "token"), anonymous=Anonymous(jobs=Role.WORKER)),
        Auth(oidc=_oidc()),
        msgspec.convert({"token_review": review}, Auth),
    )

    for auth in auths:
        assert ("0.0.0.0:80",) == check(Settings(listen=("0.0.0.0:80",), auth=auth)).listen


def test_what_is_read_safely() -> None:
    """Over https, or from this machine."""
    urls = (
        "https://x", "https://x/a?b=c", "http://127.0.0.1:80", "http://[::1]/", "http://localhost",
        "http://x", "ftp://127.0.0.1", "https://", "https://u@x", "https://x#y", "https://[x",
        "https://x:0", "https://x:y", "x",
    )  # fmt: skip

    assert [True] * 5 + [False] * 9 == [reads_safely(url) for url in urls]


def test_what_is_loopback() -> None:
    """Names other than localhost are not looked up."""
    hosts = ("127.0.0.1", "127.9.9.9", "::1", "localhost", "10.0.0.1", "::", "x", "")

    assert [True] * 4 + [False] * 4 == [is_loopback(host) for host in hosts]


def _oidc() -> Any:
    auth = msgspec.convert({"oidc": _OIDC}, Auth)
    assert auth.oidc is not None
    return auth.oidc
