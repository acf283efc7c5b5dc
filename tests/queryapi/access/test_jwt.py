"""JSON web tokens are good when the issuer signed them for us, now; every known trick fails."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jwt
import pytest

from queryapi.access.asking import Asking
from queryapi.access.credential import digest_of
from queryapi.access.jwks import Keys
from queryapi.access.jwt import JwtAuthenticator
from queryapi.access.principal import NOBODY, Principal, Scope
from queryapi.access.verdict import Verdict
from queryapi.errors import Unauthenticated
from queryapi.outbound.transport import HttpTransport
from queryapi.settings import Grant, Oidc, Role
from queryapi.telemetry.metrics import Metrics
from tests.support import issuer
from tests.support.fake_prometheus import Clock
from tests.support.issuer import AUDIENCE, KEYS, Issuer, public, public_pem

_GRANTS = (
    Grant("ops", Role.OPERATOR, clusters=("a",), namespaces=("ml",)),
    Grant("gpus.read", Role.VIEWER, claim="scope"),
    Grant("bob", Role.ADMIN, claim="sub"),
)


_CLAIMED: tuple[tuple[object, dict[str, Any]], ...] = (
    (["x", "ops"], {"sub": "bob"}),
    ("ops", {}),
    ("ops x", {"sub": "bob"}),
    (None, {"scope": "openid gpus.read"}),
    (None, {"scope": "openid gpus.readers"}),
    ({"ops": 1}, {}),
    (7, {}),
)


class Judged:
    """An authenticator of an issuer's tokens, and the time."""

    def __init__(self, source: Issuer, **settings: Any) -> None:
        self.clock = Clock()
        self.oidc = Oidc(
            source.url,
            AUDIENCE,
            algorithms=("RS256", "ES256", "EdDSA"),
            grants=_GRANTS,
            **settings,
        )
        asking = Asking("the issuer", HttpTransport(connect=2))
        self.keys = Keys(self.oidc, asking, metrics=Metrics("0").judging, clock=self.clock)
        self._authenticator = JwtAuthenticator(self.oidc, self.keys, clock=self.clock)

    def verdict(self, token: str) -> Verdict:
        """Judge a token."""
        return self._authenticator.judge(token, digest_of(token))

    def judge(self, token: str) -> Principal:
        """Return whose a token is."""
        return self.verdict(token).principal

    def close(self) -> None:
        """Stop."""
        self._authenticator.close()


@pytest.fixture
def source() -> Iterator[Issuer]:
    """An issuer."""
    with issuer.running() as running:
        yield running


@pytest.fixture
def judged(source: Issuer) -> Iterator[Judged]:
    """Its tokens' judge."""
    made = Judged(source)
    yield made
    made.close()


def refused(judged: Judged, token: str) -> None:
    """Hold that a token is refused, with the words that every wrong token is refused with."""
    with pytest.raises(Unauthenticated, match="the token is not valid") as refusal:
        judged.judge(token)
    assert refusal.value.given
    assert token not in repr(refusal.value)


@pytest.mark.parametrize("kid", ["one", "curve", "edwards", None])
def test_a_token_of_the_issuer_is_good(source: Issuer, judged: Judged, kid: str | None) -> None:
    """With each kind of key; one that names no key is good when there is only one it fits."""
    source.keys = [public(name) for name in ("one", "curve", "edwards")]

    assert Principal(
        "oidc:ann", Role.OPERATOR, Scope(frozenset({"a"}), frozenset({"ml"}))
    ) == judged.judge(source.token(kid))


def test_the_first_grant_that_fits_counts(source: Issuer, judged: Judged) -> None:
    """A claim may be a text, a list of texts, or the words of a scope; none fits = no role."""
    found = [
        judged.judge(source.token(groups=groups, **claims)).role for groups, claims in _CLAIMED
    ]

    assert [
        Role.OPERATOR, Role.OPERATOR, Role.ADMIN, Role.VIEWER, None, None, None,
    ] == found  # fmt: skip
    assert NOBODY.scope == judged.judge(source.token(groups=None)).scope


def test_the_name_may_be_another_claim(source: Issuer) -> None:
    """What logs call a caller is up to the settings."""
    judged = Judged(source, name_claim="email")

    assert "oidc:ann@x" == judged.judge(source.token(email="ann@x")).name
    refused(judged, source.token())
    judged.close()


def test_a_token_is_good_until_it_ends(source: Issuer, judged: Judged) -> None:
    """Clocks may differ by 30 s, either way."""
    token = source.token(exp=1500, nbf=1200, iat=1200)
    for now, good in ((1169, False), (1170, True), (1529, True), (1530, False)):
        judged.clock.now = now
        if good:
            assert 1530 == judged.verdict(token).until
        else:
            refused(judged, token)


_LONG = "x" * 254
Trick = Callable[[Issuer], str]


def _segment(content: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _unsigned(source: Issuer, algorithm: str) -> str:
    payload = source.token().split(".")[1]
    return f"{_segment({'alg': algorithm, 'kid': 'one'})}.{payload}."


def _with_public_key_as_secret(source: Issuer, kid: str = "one") -> str:
    # By hand: the library refuses to be that careless.
    signed = f"{_segment({'alg': 'HS256', 'kid': kid})}.{source.token().split('.')[1]}"
    mac = hmac.new(public_pem("one"), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _with_known_demand(source: Issuer) -> str:
    header = {"alg": "RS256", "kid": "one", "crit": ["b64"], "b64": True}
    signed = f"{_segment(header)}.{source.token().split('.')[1]}"
    signature = jwt.get_algorithm_by_name("RS256").sign(signed.encode(), KEYS["one"][1])
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _with_claims(source: Issuer, claims: bytes) -> str:
    signed = source.token().split(".")
    return f"{signed[0]}.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{signed[2]}"


_TRICKS: Mapping[str, Trick] = {
    "claims without an end": lambda source: _with_claims(source, b'{"x":' + b"[" * 9000),
    "claims that are no text": lambda source: _with_claims(source, b'{"sub":"\xff"}'),
    "not signed": lambda source: _unsigned(source, "none"),
    "not signed, spelled otherwise": lambda source: _unsigned(source, "nOnE"),
    "no signature": lambda source: source.token().rpartition(".")[0] + ".",
    "another's signature": lambda source: source.token(key=KEYS["two"][1]),
    "HS256 with the public key": _with_public_key_as_secret,
    "HS256 with a secret": lambda source: source.token(key="k" * 32, algorithm="HS256"),
    "an algorithm that is not accepted": lambda source: source.token(algorithm="RS512"),
    "another audience": lambda source: source.token(aud="other"),
    "other audiences": lambda source: source.token(aud=["other", "gpuscope2"]),
    "no audience": lambda source: source.token(aud=None),
    "another issuer": lambda source: source.token(iss="https://evil.example"),
    "the issuer with a slash": lambda source: source.token(iss=f"{source.url}/"),
    "expired": lambda source: source.token(exp=900),
    "not yet good": lambda source: source.token(nbf=1100),
    "made in the future": lambda source: source.token(iat=1100),
    "no end": lambda source: source.token(exp=None),
    "an endless end": lambda source: source.token(exp=float("inf")),
    "no number for an end": lambda source: source.token(exp="2000"),
    "an unknown key": lambda source: source.token(headers={"kid": "three"}),
    "a path for a key": lambda source: source.token(headers={"kid": "../../dev/null"}),
    "a number for a key": lambda source: source.token().replace(
        source.token().split(".")[0], _segment({"alg": "RS256", "kid": 1})
    ),
    "a curve's key for RSA": lambda source: source.token("one", headers={"kid": "curve"}),
    "an RSA key for a curve": lambda source: source.token("curve", headers={"kid": "one"}),
    "a short key": lambda source: source.token("short"),
    "a key for encryption": lambda source: source.token(headers={"kid": "sealed"}),
    "a private key in public": lambda source: source.token(headers={"kid": "leaked"}),
    "a key that is none": lambda source: source.token(headers={"kid": "broken"}),
    "a key that is there twice": lambda source: source.token(headers={"kid": "double"}),
    "its own key in the header": lambda source: source.token(
        key=KEYS["two"][1], headers={"jwk": public("two"), "kid": "two"}
    ),
    "its own key's address": lambda source: source.token(
        key=KEYS["two"][1], headers={"jku": f"{source.url}/evil", "x5u": f"{source.url}/evil"}
    ),
    "a demand for an extension": lambda source: source.token(headers={"crit": ["x"], "x": 1}),
    "a demand that the library knows": _with_known_demand,
    "no name": lambda source: source.token(sub=None),
    "an empty name": lambda source: source.token(sub=""),
    "a name of lines": lambda source: source.token(sub="a\nb"),
    "a long name": lambda source: source.token(sub=_LONG),
    "no token": lambda _: "a.b.c",
    "claims that are a list": lambda source: f"{source.token().split('.')[0]}.W10.e30",
}


@pytest.mark.parametrize("name", _TRICKS)
def test_a_trick_fails(source: Issuer, judged: Judged, name: str) -> None:
    """Each is refused like any other wrong token."""
    twice = [public("two", kid="double"), public("one", kid="double")]
    source.keys = [
        public("one"),
        public("curve"),
        public("short"),
        public("one", kid="sealed", use="enc"),
        public("one", kid="leaked", d="AQAB"),
        public("one", kid="broken", n="!"),
        *twice,
    ]
    judged.clock.now = 1000
    judged.judge(source.token())

    refused(judged, _TRICKS[name](source))
    assert "/evil" not in source.asked


def test_a_key_is_for_its_own_algorithm(source: Issuer, judged: Judged) -> None:
    """A key that is published for one algorithm is not used for another of its kind."""
    source.keys = [public("one", alg="RS512")]

    refused(judged, source.token())


def test_a_name_of_no_key_is_not_guessed_at(source: Issuer, judged: Judged) -> None:
    """With two keys that could have signed it, a token must say which did."""
    source.keys = [public("one"), public("two")]

    refused(judged, source.token(None))


def test_the_librarys_own_clock_has_no_say(source: Issuer, judged: Judged) -> None:
    """Times are judged by the service's clock, so that its tests can turn it."""
    assert time.time() > 2000
    assert 2030 == judged.verdict(source.token()).until
    assert jwt.decode(source.token(), options={"verify_signature": False})["exp"] == 2000
