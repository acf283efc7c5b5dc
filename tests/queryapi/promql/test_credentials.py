"""What is sent besides the question is what the settings say, and follows its files."""

import base64
from pathlib import Path

import pytest

from queryapi.errors import UpstreamUnavailable
from queryapi.promql.credentials import Credentials
from queryapi.settings import BasicAuth, Cluster


def test_a_tenant_header_is_sent() -> None:
    """Headers from the settings travel with every query."""
    cluster = Cluster("c", "http://a", headers={"X-Scope-OrgID": "ml"})

    assert "ml" == Credentials(cluster).headers()["X-Scope-OrgID"]


def test_a_renewed_token_is_used_without_a_restart(tmp_path: Path) -> None:
    """A token file that changes is read again."""
    token = tmp_path / "token"
    token.write_text("first\n")
    credentials = Credentials(Cluster("c", "http://a", bearer_token_file=str(token)))

    assert "Bearer first" == credentials.headers()["Authorization"]
    assert "Bearer first" == credentials.headers()["Authorization"]

    token.write_text("second, longer\n")

    assert "Bearer second, longer" == credentials.headers()["Authorization"]


@pytest.mark.parametrize("in_file", [False, True])
def test_basic_credentials_are_sent(tmp_path: Path, in_file: bool) -> None:  # noqa: FBT001
    """User and password arrive, wherever the password stands."""
    (tmp_path / "password").write_text("secret\n")
    basic = (
        BasicAuth("me", password_file=str(tmp_path / "password"))
        if in_file
        else BasicAuth("me", password="secret")  # noqa: S106 - the test's own
    )
    sent = Credentials(Cluster("c", "http://a", basic_auth=basic)).headers()["Authorization"]

    assert b"me:secret" == base64.b64decode(sent.removeprefix("Basic "))


@pytest.mark.parametrize("content", [None, "two\nlines", "é"])
def test_a_secret_that_cannot_be_sent_makes_prometheus_unavailable(
    tmp_path: Path, content: str | None
) -> None:
    """A missing or broken secret is said to be that, without a word of the secret."""
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
    credentials = Credentials(Cluster("c", "http://a", bearer_token_file=str(token)))

    with pytest.raises(UpstreamUnavailable, match="credentials for Prometheus") as failure:
        credentials.headers()

    assert "denied" == failure.value.reason
    assert content is None or content not in str(failure.value)


def test_a_password_may_hold_any_character() -> None:
    """A basic password is sent as UTF-8 (RFC 7617), whatever it holds."""
    basic = BasicAuth("me", password="pässword€")  # noqa: S106 - the test's own
    sent = Credentials(Cluster("c", "http://a", basic_auth=basic)).headers()["Authorization"]

    assert "me:pässword€" == base64.b64decode(sent.removeprefix("Basic ")).decode()
