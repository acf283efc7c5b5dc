"""An OpenID Connect issuer on loopback: discovery, keys that rotate, and every way to fail."""

import json
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.warnings import InsecureKeyLengthWarning

from tests.support.answering import Answer, AnsweringServer

AUDIENCE = "gpuscope"
_RSA = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
_SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - refused
_EC = ec.generate_private_key(ec.SECP256R1())
_ED = ed25519.Ed25519PrivateKey.generate()

KEYS: Mapping[str, tuple[str, Any]] = {
    "one": ("RS256", _RSA[0]),
    "two": ("RS256", _RSA[1]),
    "curve": ("ES256", _EC),
    "edwards": ("EdDSA", _ED),
    "short": ("RS256", _SHORT),
}
"""Every key that it can have, by its kid: the algorithm it is for, and the key."""


def public(name: str, **changed: Any) -> dict[str, Any]:
    """Return a key as its set publishes it."""
    algorithm, key = KEYS[name]
    jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**jwk, "kid": name, "use": "sig", "alg": algorithm, **changed}


def public_pem(kid: str) -> bytes:
    """Return a public key as PEM: what a careless verifier takes for a shared secret."""
    pem: bytes = (
        KEYS[kid][1].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return pem


class Issuer:
    """What the running issuer publishes and how it behaves; all of it may change at any time.

    `keys` is its set. `answers` replaces the answer to a path: status and body. While `gate` is
    closed every answer waits. `asked` tells the paths that were asked for.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: list[dict[str, Any]] = [public("one")]
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[str] = []

    def token(
        self,
        kid: str | None = "one",
        *,
        key: Any = None,
        algorithm: str = "",
        headers: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Sign a token.

        Args:
            kid: Which key signs, and what the header says did; None = `one`, not named.
            key: Signs instead.
            algorithm: Signs instead of the key's own.
            headers: More of the header.
            **claims: More of the claims; None takes one away.
        """
        usual, signer = KEYS.get(kid or "one", KEYS["one"])
        content = {
            "iss": self.url, "aud": AUDIENCE, "sub": "ann", "exp": 2000, "groups": ["ops"],
            **claims,
        }  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InsecureKeyLengthWarning)
            return jwt.encode(
                {name: value for name, value in content.items() if value is not None},
                signer if key is None else key,
                algorithm or usual,
                {**({"kid": kid} if kid else {}), **(headers or {})},
            )

    def answer(self, path: str) -> tuple[int, bytes]:
        """Return what a path answers now."""
        self.gate.wait(20)
        if path in self.answers:
            return self.answers[path]
        documents: dict[str, object] = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
            },
            "/keys": {"keys": self.keys},
        }
        found = documents.get(path)
        return (200, json.dumps(found).encode()) if found else (404, b"")

    def fail(self) -> None:
        """Answer everything with 503 from now on."""
        self.answers = dict.fromkeys(("/.well-known/openid-configuration", "/keys"), (503, b""))


@contextmanager
def running() -> Iterator[Issuer]:
    """Run an issuer for the length of a `with` block."""

    def answering(path: str, _query: Mapping[str, str]) -> Answer:
        issuer.asked.append(path)
        status, body = issuer.answer(path)
        return status, {}, body

    with AnsweringServer(answering) as server:
        issuer = Issuer(server.url)
        try:
            yield issuer
        finally:
            issuer.gate.set()
