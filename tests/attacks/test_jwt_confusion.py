"""The service as it is shipped takes the issuer's own word alone, over HTTP and over WebSockets."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jwt
import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from demo.processes import LOOPBACK, free_port, wait_for
from tests.support import issuer, waiting_prometheus
from tests.support.api_process import Api, api
from tests.support.issuer import AUDIENCE, KEYS, Issuer, public, public_pem
from tests.support.stored import prepared

pytestmark = [pytest.mark.attacks, pytest.mark.e2e]

_HOUR = 3600.0
_PUBLISHED = ("one", "curve", "edwards")


@dataclass(frozen=True, slots=True)
class Shipped:
    """A running service and its gateway, and the issuer that it believes."""

    api: Api
    streams: str
    source: Issuer

    def token(self, kid: str | None = "one", **options: Any) -> str:
        """Return a token of the issuer's that is good for an hour, but for what is said."""
        return self.source.token(kid, **{"exp": int(time.time() + _HOUR), **options})

    def statuses(self, token: str) -> tuple[int, int]:
        """Return what its bearer is answered over HTTP and, 101 if let in, by WebSocket."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.get(f"{self.api.urls[0]}/api/jobs", headers=headers, timeout=20)
        assert token not in answer.text
        try:
            with connect(self.streams, additional_headers=headers, proxy=None, open_timeout=20):
                return answer.status_code, 101
        except InvalidStatus as refused:
            return answer.status_code, refused.response.status_code


@pytest.fixture(name="shipped", scope="module")
def _shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    folder = tmp_path_factory.mktemp("jwt")
    streams = f"{LOOPBACK}:{free_port()}"
    with issuer.running() as source, waiting_prometheus.answering() as (_, url):
        source.keys = [public(name) for name in _PUBLISHED]
        oidc = {
            "issuer": source.url,
            "audience": AUDIENCE,
            "algorithms": ["RS256", "ES256", "EdDSA"],
            "grants": [{"value": "ops", "role": "operator"}],
        }
        settings = {
            "auth": {"oidc": oidc},
            "stream_listen": streams,
            "database_url": prepared(folder),
            "limits": {"per_minute": 0},
        }
        with api(folder, url, settings) as service:
            made = Shipped(service, f"ws://{streams}/ws", source)
            wait_for(partial(_listens, made), seconds=60, what="the gateway")
            yield made


def _listens(shipped: Shipped) -> bool:
    try:
        return (200, 101) == shipped.statuses(shipped.token())
    except OSError:
        return False


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _segment(content: object) -> str:
    return _encoded(json.dumps(content).encode())


def _claims(shipped: Shipped) -> str:
    return shipped.token().split(".")[1]


def _unsigned(shipped: Shipped, **header: Any) -> str:
    return f"{_segment({'typ': 'JWT', 'kid': 'one', **header})}.{_claims(shipped)}."


def _mac(shipped: Shipped, secret: bytes, **header: Any) -> str:
    signed = f"{_segment({'alg': 'HS256', 'kid': 'one', **header})}.{_claims(shipped)}"
    return f"{signed}.{_encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def _by_hand(shipped: Shipped, claims: bytes, header: Mapping[str, Any] | None = None) -> str:
    """Return what the issuer itself has signed, of claims that no library writes."""
    signed = f"{_segment({'alg': 'RS256', 'kid': 'one', **(header or {})})}.{_encoded(claims)}"
    signature = jwt.get_algorithm_by_name("RS256").sign(signed.encode(), KEYS["one"][1])
    return f"{signed}.{_encoded(signature)}"


def _text(shipped: Shipped, more: str) -> bytes:
    """Return good claims, as JSON that goes on with *more*."""
    good = jwt.decode(shipped.token(), options={"verify_signature": False})
    return json.dumps(good)[:-1].encode() + more.encode() + b"}"


def _with_signature(shipped: Shipped, signature: bytes, kid: str = "curve") -> str:
    return f"{shipped.token(kid).rpartition('.')[0]}.{_encoded(signature)}"


def _foreign(shipped: Shipped, **headers: Any) -> str:
    return shipped.token(key=KEYS["two"][1], headers=headers)


_EVIL = "/evil"
_TRICKS: Mapping[str, Callable[[Shipped], str]] = {
    **{
        f"alg {name!r}": lambda s, name=name: _unsigned(s, alg=name)  # type: ignore[misc]
        for name in ("none", "None", "NONE", "nOnE", "", " none", "RS256\0", None, 0, [], ["none"])
    },
    "no alg": _unsigned,
    "the public key's PEM as a secret": lambda s: _mac(s, public_pem("one")),
    "its PEM without the line's end": lambda s: _mac(s, public_pem("one").strip()),
    "its JWK as a secret": lambda s: _mac(s, json.dumps(public("one")).encode()),
    "its modulus as a secret": lambda s: _mac(s, public("one")["n"].encode()),
    "an empty secret": lambda s: _mac(s, b""),
    "HS256 that says RS256": lambda s: _mac(s, public_pem("one"), alg="RS256"),
    "a secret that is brought along": lambda s: _mac(
        s, b"k" * 32, jwk={"kty": "oct", "k": _encoded(b"k" * 32)}
    ),
    "a file for a secret": lambda s: _mac(s, b"", kid="../../../../dev/null"),
    "a statement for a key": lambda s: _mac(s, b"a", kid="' UNION SELECT 'a"),
    "an address for a key": lambda s: _foreign(s, kid=f"{s.source.url}{_EVIL}"),
    "its keys' address": lambda s: _foreign(s, jku=f"{s.source.url}{_EVIL}", kid="two"),
    "its certificates' address": lambda s: _foreign(s, x5u=f"{s.source.url}{_EVIL}"),
    "its own certificates": lambda s: _foreign(s, x5c=["MIIB"], kid="two"),
    "its own key": lambda s: _foreign(s, jwk=public("two"), kid="two"),
    "its own key under a good name": lambda s: _foreign(s, jwk=public("two", kid="one")),
    "psychic: nothing": lambda s: _with_signature(s, bytes(64)),
    "psychic: r = 0": lambda s: _with_signature(s, bytes(32) + b"\1" * 32),
    "psychic: as DER": lambda s: _with_signature(s, bytes.fromhex("3006020100020100")),
    "no signature of a curve": lambda s: _with_signature(s, b""),
    "zeros of Edwards": lambda s: _with_signature(s, bytes(64), "edwards"),
    "a signature of one": lambda s: _with_signature(s, b"\1", "one"),
    "a curve's key by RSA": lambda s: s.token("one", headers={"kid": "curve"}),
    "RSA's key by a curve": lambda s: s.token("curve", headers={"kid": "one"}),
    "Edwards' key by a curve": lambda s: s.token("curve", headers={"kid": "edwards"}),
    "a demand": lambda s: s.token(headers={"crit": ["exp"]}),
    "a demand that is known": lambda s: _by_hand(s, _text(s, ""), {"crit": ["b64"], "b64": False}),
    "a token in a token": lambda s: _by_hand(s, s.token().encode(), {"cty": "JWT"}),
    "another's issuer": lambda s: s.token(iss="https://evil.example"),
    "issuers": lambda s: _by_hand(s, _text(s, f', "iss": ["{s.source.url}"]')),
    "the issuer in capitals": lambda s: s.token(iss=s.source.url.upper()),
    "another's audience": lambda s: s.token(aud="gpuscope-admin"),
    "no audience": lambda s: s.token(aud=[]),
    "audiences in an object": lambda s: _by_hand(s, _text(s, ', "aud": {"gpuscope": 1}')),
    "over": lambda s: s.token(exp=int(time.time() - _HOUR)),
    "no end": lambda s: s.token(exp=None),
    "an end in words": lambda s: s.token(exp=str(int(time.time() + _HOUR))),
    "an end that is true": lambda s: s.token(exp=True),
    "an endless end": lambda s: _by_hand(s, _text(s, ', "exp": Infinity')),
    "an end beyond all": lambda s: _by_hand(s, _text(s, ', "exp": 1e999')),
    "an end that is no number": lambda s: _by_hand(s, _text(s, ', "exp": NaN')),
    "an end of many digits": lambda s: _by_hand(s, _text(s, ', "exp": ' + "9" * 5000)),
    "a negative end": lambda s: s.token(exp=-1),
    "later": lambda s: s.token(nbf=int(time.time() + _HOUR)),
    "made later": lambda s: s.token(iat=int(time.time() + _HOUR)),
    "over, said twice": lambda s: _by_hand(s, _text(s, ', "exp": 1')),
    "claims that are no object": lambda s: _by_hand(s, b'["gpuscope"]'),
    "claims without an end": lambda s: _by_hand(s, b'{"a":' * 900),
    "a whole kilobyte more": lambda s: s.token() + "A" * 1000,
    "a fourth part": lambda s: f"{s.token()}.{_segment({})}",
    "only dots": lambda _: "..",
    "another spelling of its last character": lambda s: _other_spelling(s.token()),
}


def _other_spelling(token: str) -> str:
    """Return a token of the same bytes but for the bits that stand for nothing, and one more."""
    return f"{token[:-4]}!{token[-4:]}"


@pytest.mark.parametrize("name", _TRICKS)
def test_what_the_issuer_has_not_said_is_401(shipped: Shipped, name: str) -> None:
    """Over HTTP and before there is a WebSocket; a token's own addresses are never fetched."""
    asked = [path for path in shipped.source.asked if path.startswith(_EVIL)]

    assert (401, 401) == shipped.statuses(_TRICKS[name](shipped))
    assert [] == asked + [path for path in shipped.source.asked if path.startswith(_EVIL)]


def test_a_huge_token_costs_nothing(shipped: Shipped) -> None:
    """Whatever is too long for a header is refused, and the next good one is served."""
    found = shipped.statuses(shipped.token(more="x" * 200_000))

    assert set(found) <= {400, 401, 431}
    assert (200, 101) == shipped.statuses(shipped.token())


def test_a_claim_that_is_there_twice_is_read_once(shipped: Shipped) -> None:
    """Who judges and who uses it read the same one: the last, as all of JSON here does."""
    good = _by_hand(shipped, _text(shipped, ', "groups": ["ops"]'))
    bad = _by_hand(shipped, _text(shipped, ', "groups": ["nobody"]'))

    assert (200, 101) == shipped.statuses(good)
    assert (403, 403) == shipped.statuses(bad)


def test_a_key_that_is_new_is_good_and_one_that_is_gone_is_not(shipped: Shipped) -> None:
    """The issuer changes its keys: the new one is asked for once, the old one ends with its set."""
    old = shipped.token()
    shipped.source.keys = [public("two")]
    wait_for(lambda: (200, 101) == shipped.statuses(shipped.token("two")), seconds=60,
             what="the new key", every=0.5)  # fmt: skip
    # What was judged before is judged again within a minute; what was not, now.
    assert (401, 401) == shipped.statuses(shipped.token(sub="somebody new"))
    assert old
    assert {"/.well-known/openid-configuration", "/keys"} == set(shipped.source.asked)
