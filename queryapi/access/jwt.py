"""Judges JSON web tokens of one issuer by its public keys (RFC 7519, RFC 8725)."""

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import msgspec

from queryapi.access.credential import not_valid
from queryapi.access.grants import principal_of
from queryapi.access.jwks import Jwk, Keys
from queryapi.access.verdict import Verdict
from queryapi.outbound.decoding import BROKEN
from queryapi.settings import Oidc

_LOG = logging.getLogger(__name__)
_LEEWAY_SECONDS = 30.0
_LEAST_RSA_BITS = 2048
_MOST_NAME = 253
# What a key must be for a signature's algorithm (RFC 7518, section 3.1; RFC 8037, section 3.1).
# One that is anything else is never tried: a public key must not become a shared secret.
_KEY_TYPES: Mapping[str, tuple[str, str | None]] = {
    **{f"{family}{bits}": ("RSA", None) for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}


class _Refused(Exception):  # noqa: N818 - never leaves this file
    """Why a token is not valid; for the log only."""


class _Header(msgspec.Struct):
    """What is read of the header; keys or their addresses in it are never looked at."""

    alg: str
    kid: str | None = None
    crit: object = None


class _Times(msgspec.Struct):
    exp: float
    nbf: float | None = None
    iat: float | None = None


class JwtAuthenticator:
    """Judges tokens that say they are the issuer's.

    Args:
        oidc: Issuer, audience, algorithms and grants.
        keys: The issuer's keys.
        clock: Unix seconds.
    """

    def __init__(self, oidc: Oidc, keys: Keys, *, clock: Callable[[], float]) -> None:
        self._oidc = oidc
        self._keys = keys
        self._clock = clock

    def judge(self, token: str, digest: bytes) -> Verdict:  # noqa: ARG002 - a protocol's
        """Tell whose *token* it is; see Authenticator."""
        try:
            claims = self._verified(token)
            until = self._times(claims)
            name = self._name(claims)
        except _Refused as error:
            _LOG.debug("a JSON web token was refused: %s", error)
            raise not_valid() from None
        return Verdict(principal_of(f"oidc:{name}", claims, self._oidc.grants), until)

    def asks(self, digest: bytes) -> bool:  # noqa: ARG002 - a protocol's
        """Ask nobody: keys are read in the background, seldom, whatever is sent."""
        return False

    def close(self) -> None:
        """Stop reading keys."""
        self._keys.close()

    def _verified(self, token: str) -> Mapping[str, Any]:
        try:
            header = msgspec.convert(jwt.get_unverified_header(token), _Header)
        except (jwt.PyJWTError, *BROKEN):
            raise _Refused("its header cannot be read") from None
        if header.alg not in self._oidc.algorithms:
            raise _Refused("its algorithm is not one that is accepted")
        if header.crit is not None:
            raise _Refused("it demands an extension")
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key=self._key(header),
                algorithms=[header.alg],
                audience=self._oidc.audience,
                issuer=self._oidc.issuer,
                # Times are judged below, by the clock that everything else here goes by.
                options={
                    "require": ["exp", "iss", "aud"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, *BROKEN) as error:
            raise _Refused(type(error).__name__) from None
        return claims

    def _key(self, header: _Header) -> Any:
        keys = [key for key in self._keys.find(header.kid) if _fits(key, header.alg)]
        if len(keys) != 1:
            raise _Refused("there is no key for it, or more than one")
        try:
            key = jwt.get_algorithm_by_name(header.alg).from_jwk(dict(keys[0]))
        except (jwt.PyJWTError, ValueError, TypeError, LookupError):
            raise _Refused("its key cannot be used") from None
        if getattr(key, "key_size", _LEAST_RSA_BITS) < _LEAST_RSA_BITS and _is_rsa(header.alg):
            raise _Refused("its key is too short")
        return key

    def _times(self, claims: Mapping[str, Any]) -> float:
        try:
            times = msgspec.convert(claims, _Times)
        except msgspec.MsgspecError:
            raise _Refused("its times are not numbers") from None
        now = self._clock()
        begins = max(times.nbf or 0.0, times.iat or 0.0)
        if not begins <= now + _LEEWAY_SECONDS:
            raise _Refused("it is not good yet")
        if not (math.isfinite(times.exp) and now < times.exp + _LEEWAY_SECONDS):
            raise _Refused("it has expired")
        return times.exp + _LEEWAY_SECONDS

    def _name(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self._oidc.name_claim)
        if not isinstance(name, str) or not 0 < len(name) <= _MOST_NAME or not name.isprintable():
            raise _Refused("it does not say in a line whose it is")
        return name


def _fits(key: Jwk, algorithm: str) -> bool:
    kind, curve = _KEY_TYPES[algorithm]
    return (
        key.get("kty") == kind
        and (curve is None or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        # A private key that everybody can read signs for everybody.
        and "d" not in key
    )


def _is_rsa(algorithm: str) -> bool:
    return _KEY_TYPES[algorithm][0] == "RSA"
