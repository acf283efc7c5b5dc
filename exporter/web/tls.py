"""`tls_server_config` → what new connections are served with."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.errors import ConfigurationError
from exporter.web.ciphers import ALWAYS_ON, OPENSSL
from exporter.web.settings import Tls

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_CURVES = ("CurveP256", "CurveP384", "CurveP521", "X25519")
_VERIFIED = {
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED = ("", "NoClientCert", "RequestClientCert")
_UNVERIFIABLE = ("RequireAnyClientCert", "RequireClientCert")


def files(tls: Tls, folder: Path) -> tuple[Path, ...]:
    """Return the files that *tls* names; relative ones lie in *folder*."""
    named = (tls.cert_file, tls.key_file, tls.client_ca_file)
    return tuple(folder / name for name in named if name)


def context(tls: Tls, folder: Path) -> ssl.SSLContext:
    """Return what connections are served with.

    Raises:
        ConfigurationError: When the settings contradict each other, or a file is not what it
            should be.
    """
    _check(tls)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version, made.maximum_version = _versions(tls)
    made.set_alpn_protocols(["http/1.1"])
    # Nobody resumes, and what a client may do is judged anew at every connection.
    made.num_tickets = 0
    made.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    made.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.prefer_server_cipher_suites:
        made.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        _load(made, tls, folder)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigurationError(
            f"tls_server_config cannot be used: {error}: write a certificate, its own key without "
            "a password, and CAs in PEM form, in files that this process may read"
        ) from error
    return made


def is_allowed(tls: Tls, certificate: object) -> bool:
    """Tell whether a client that showed *certificate* (as `getpeercert`) is in the allowed list."""
    if not tls.client_allowed_sans:
        return True
    names = certificate.get("subjectAltName", ()) if isinstance(certificate, dict) else ()
    return any(value in tls.client_allowed_sans for _, value in names)


def _check(tls: Tls) -> None:
    for text, file in (("cert", "cert_file"), ("key", "key_file")):
        if bool(getattr(tls, text)) == bool(getattr(tls, file)):
            raise ConfigurationError(f"tls_server_config: write either {file} or {text}")
    if tls.client_ca and tls.client_ca_file:
        raise ConfigurationError("tls_server_config: write either client_ca_file or client_ca")
    _check_clients(tls)
    for curve in tls.curve_preferences:
        if curve not in _CURVES:
            raise ConfigurationError(f"curve {curve!r} is none: write one of {', '.join(_CURVES)}")


def _check_clients(tls: Tls) -> None:
    kind, authority = tls.client_auth_type, tls.client_ca or tls.client_ca_file
    if kind in _UNVERIFIABLE:
        raise ConfigurationError(
            f"client_auth_type {kind} lets everybody in who makes a certificate: write "
            "RequireAndVerifyClientCert with a client_ca_file"
        )
    if kind not in _VERIFIED and kind not in _UNVERIFIED:
        raise ConfigurationError(
            f"client_auth_type {kind!r} is none: write NoClientCert, {' or '.join(_VERIFIED)}"
        )
    if kind in _VERIFIED and not authority:
        raise ConfigurationError(f"client_auth_type {kind} without client_ca_file: write both")
    if authority and kind not in _VERIFIED:
        raise ConfigurationError(
            "client_ca_file without a client_auth_type that uses it: write "
            "client_auth_type: RequireAndVerifyClientCert"
        )
    if tls.client_allowed_sans and kind != "RequireAndVerifyClientCert":
        raise ConfigurationError(
            "client_allowed_sans: write client_auth_type: RequireAndVerifyClientCert with it"
        )


def _versions(tls: Tls) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    for text in (tls.min_version, tls.max_version):
        if text not in _VERSIONS:
            raise ConfigurationError(
                f"TLS version {text!r} is none: write one of {', '.join(_VERSIONS)}"
            )
    low, high = _VERSIONS[tls.min_version], _VERSIONS[tls.max_version]
    if low > high:
        raise ConfigurationError(
            f"min_version {tls.min_version} is above max_version {tls.max_version}: swap them"
        )
    return low, high


def _load(made: ssl.SSLContext, tls: Tls, folder: Path) -> None:
    if suites := _suites(tls):
        made.set_ciphers(suites)
    with (
        _file(tls.cert, tls.cert_file, folder) as cert,
        _file(tls.key, tls.key_file, folder) as key,
    ):
        made.load_cert_chain(cert, key, password="")  # else it is asked on a terminal
    if tls.client_auth_type in _VERIFIED:
        with _file(tls.client_ca, tls.client_ca_file, folder) as authority:
            made.load_verify_locations(authority)
        made.verify_mode = _VERIFIED[tls.client_auth_type]


def _suites(tls: Tls) -> str:
    for name in tls.cipher_suites:
        if name not in OPENSSL and name not in ALWAYS_ON:
            raise ConfigurationError(
                f"cipher suite {name!r} is none: write one of {', '.join(OPENSSL)}"
            )
    return ":".join(OPENSSL[name] for name in tls.cipher_suites if name in OPENSSL)


@contextmanager
def _file(text: str, name: str, folder: Path) -> Iterator[str]:
    """Yield the name of a file that holds *text*, or of *name*; a text never reaches a disk."""
    if name:
        (folder / name).open("rb").close()  # an error that says which file, as ssl's does not
        yield str(folder / name)
        return
    number = os.memfd_create("pem")
    with os.fdopen(number, "wb") as memory:
        memory.write(text.encode())
        memory.flush()
        yield f"/proc/self/fd/{number}"
