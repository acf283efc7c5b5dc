"""What may stand in the file of --web.config.file, and what is said of anything else."""

import ssl

import pytest

from exporter.errors import ConfigurationError
from exporter.web import tls
from exporter.web.ciphers import OPENSSL
from exporter.web.following import Following
from exporter.web.settings import read, warnings
from tests.exporter.web.conftest import HASH, Folder

TLS = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n"


def following(folder: Folder, text: str) -> Following:
    """Return what follows a file of this text."""
    return Following(folder.write(text), lambda: 7.0)


def test_nothing_said(folder: Folder) -> None:
    """An empty file is plain HTTP for everybody."""
    web = following(folder, "basic_auth_users:\n").current()

    assert (None, {}, {}) == (web.context, web.users, web.headers)


def test_everything_said(folder: Folder) -> None:
    """Every key of the format can stand in one file; paths are relative to it."""
    web = following(
        folder,
        f"""
{TLS}  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: tls.crt
  client_allowed_sans: [prometheus.example.org]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [X25519, CurveP256]
http_server_config:
  http2: false
  headers: {{X-Frame-Options: deny, Strict-Transport-Security: max-age=60, X-XSS-Protection: ""}}
basic_auth_users: {{prometheus: {HASH}}}
""",
    ).current()

    assert web.context is not None
    assert ssl.CERT_REQUIRED == web.context.verify_mode
    assert {"X-Frame-Options": "deny", "Strict-Transport-Security": "max-age=60"} == web.headers
    assert {"prometheus": HASH} == web.users
    assert HASH not in repr(web)


def test_texts_instead_of_files(folder: Folder) -> None:
    """Certificate, key and CA may stand in the file itself, and reach no disk."""
    cert, key = (
        "".join(f"    {line}\n" for line in (folder.path / name).read_text().splitlines())
        for name in ("tls.crt", "tls.key")
    )
    text = f"tls_server_config:\n  cert: |\n{cert}  key: |\n{key}  client_ca: |\n{cert}"

    assert (
        following(folder, f"{text}  client_auth_type: VerifyClientCertIfGiven\n").current().context
    )


def test_every_cipher_suite_is_known_here() -> None:
    """All that Go names and this OpenSSL can speak may be asked for."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers(":".join(OPENSSL.values()) + ":@SECLEVEL=0")

    assert set(OPENSSL.values()) <= {cipher["name"] for cipher in made.get_ciphers()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http_server_config: {http2: true}", "HTTP/1.1 is served"),
        (f"{TLS}  curve_preferences: [X25519]", "OpenSSL offers its own"),
        (f"{TLS}  client_auth_type: RequestClientCert", "taken as NoClientCert"),
    ],
)
def test_what_is_not_done_is_said(folder: Folder, text: str, expected: str) -> None:
    """What the format has and this server cannot do is accepted with a warning."""
    (warning,) = warnings(read(folder.write(text)))

    assert expected in warning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", r"web.yml is no YAML: line 1, column 2$"),
        ("- a", "no keys: write one of tls_server_config, "),
        ("tls_config: {}", "unknown key 'tls_config': write one of tls_server_config, "),
        ("tls_server_config: 7", "no keys in tls_server_config: write one of cert, "),
        (f"{TLS}  cert_fil: x", "unknown key 'cert_fil' in tls_server_config: write one of cert, "),
        (f"{TLS}  cipher_suites: 7", r"Expected `array`, got `int` - at `\$.tls_server_config"),
        ("rate_limit: {burst: 1}", "take it out, and limit .* --web.max-requests"),
        ("tls_server_config: {}", "write either cert_file or cert$"),
        ("tls_server_config: {cert_file: tls.crt}", "write either key_file or key$"),
        (f"{TLS}  cert: x", "write either cert_file or cert$"),
        ("tls_server_config: {cert_file: a.crt, key_file: tls.key}", "No such file.*a.crt"),
        ("tls_server_config: {cert_file: tls.key, key_file: tls.key}", "a certificate, its own"),
        (f"{TLS}  client_ca_file: tls.crt", "write client_auth_type: RequireAndVerifyClientCert"),
        (f"{TLS}  client_auth_type: RequireAndVerifyClientCert", "client_ca_file: write both"),
        (f"{TLS}  client_auth_type: RequireAnyClientCert", "lets everybody in who makes a cert"),
        (f"{TLS}  client_auth_type: Always", "write NoClientCert, VerifyClientCertIfGiven or Req"),
        (f"{TLS}  client_allowed_sans: [a]", "RequireAndVerifyClientCert with it"),
        (
            f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: tls.key",
            "CAs in PEM form",
        ),
        (f"{TLS}  min_version: SSL3", "TLS version 'SSL3' is none: write one of TLS10, "),
        (f"{TLS}  min_version: TLS13\n  max_version: TLS12", "is above max_version TLS12: swap"),
        (f"{TLS}  cipher_suites: [RC4]", "cipher suite 'RC4' is none: write one of TLS_RSA_"),
        (f"{TLS}  curve_preferences: [P1]", "curve 'P1' is none: write one of CurveP256, "),
        ("http_server_config: {headers: {Server: x}}", "header 'Server' cannot be set: write one"),
        ("http_server_config: {headers: {X-Frame-Options: x}}", "write deny or sameorigin"),
        ('http_server_config: {headers: {X-XSS-Protection: "a\\nb"}}', "write it in one line"),
        ("basic_auth_users: {me: secret}", "'me' is no bcrypt hash .*: write what `htpasswd"),
        (f"basic_auth_users: {{'a:b': {HASH}}}", "write a name without a colon"),
        (f"basic_auth_users: {{a: {HASH.replace('$04$', '$31$')}}}", "of cost 4 to 16"),
    ],
)  # fmt: skip
def test_what_cannot_be(folder: Folder, text: str, expected: str) -> None:
    """Everything else is refused at the start, with what to write instead and without a secret."""
    with pytest.raises(ConfigurationError, match=expected) as refusal:
        following(folder, text)

    assert "secret" not in str(refusal.value)


def test_no_such_file(folder: Folder) -> None:
    """A file that is not there is named."""
    with pytest.raises(ConfigurationError, match=r"--web\.config\.file .*web\.yml cannot be read"):
        Following(folder.config, lambda: 0.0)


def test_a_key_with_a_password_asks_nobody(folder: Folder) -> None:
    """An encrypted key is refused, and no terminal is waited for."""
    wanted = read(folder.write(TLS)).tls_server_config
    assert wanted is not None
    key = folder.path / "tls.key"
    key.write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )

    with pytest.raises(ConfigurationError, match="its own key without a password"):
        tls.context(wanted, folder.path)


@pytest.mark.parametrize(
    "text",
    [
        "basic_auth_users: {a: 2001-99-99}",
        "basic_auth_users: &a {x: *a}",
        "basic_auth_users: !!timestamp x",
        "x: !!int x",
        "[" * 600,
        "# " + "x" * 70_000,
    ],
)
def test_odd_yaml(folder: Folder, text: str) -> None:
    """Dates that are none, loops, nests and heaps are errors of the file, as all others are."""
    with pytest.raises(ConfigurationError):
        read(folder.write(text))
