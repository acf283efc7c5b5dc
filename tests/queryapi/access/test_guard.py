"""Callers are let in for what they may do, and for nothing else."""

import logging
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import pytest

from demo.kubernetes.access import User
from queryapi.access.guard import Guard, guard_of
from queryapi.access.policy import Permission
from queryapi.access.principal import NOBODY, Principal
from queryapi.access.sources import Sources
from queryapi.access.verdict import Recent, Verdict
from queryapi.api.endpoints import Endpoint
from queryapi.errors import AuthenticatorUnavailable, NotPermitted, QueryApiError, Unauthenticated
from queryapi.services.realtimeanswers import Status
from queryapi.settings import Anonymous, Api, Auth, Grant, Oidc, Role, Settings, TokenReview
from queryapi.telemetry.metrics import Metrics
from tests.support import access_matrix, apiserver, issuer
from tests.support.access import counted, guarding, issue, revoke
from tests.support.access_matrix import ANONYMOUS, CALLERS, Caller, Configuration
from tests.support.fake_prometheus import Clock

READ = Permission.READ


class Door:
    """A guard, the tokens it knows, what it counted, and the time."""

    def __init__(self, folder: Path, guard: Guard, clock: Clock, metrics: Metrics) -> None:
        self.path, self.guard, self.clock, self.metrics = folder, guard, clock, metrics

    def read(self, authorization: str | None) -> Principal:
        """Ask to read the real-time status."""
        return self.guard.admit(authorization, Api.REALTIME, READ)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """A guard with tokens, where pools are open to nobody and health to every reader."""
    path, clock, metrics = tmp_path / "tokens", Clock(), Metrics("0")
    issue(path, Role.VIEWER)
    auth = Auth(tokens_file=str(path), anonymous=Anonymous(health=Role.VIEWER))
    with guarding(auth, clock, metrics) as guard:
        yield Door(path, guard, clock, metrics)


def status_of(guard: Guard, authorization: str | None, api: Api | None, needs: Permission) -> int:
    """Return the status that a caller meets."""
    try:
        guard.admit(authorization, api, needs)
    except Unauthenticated:
        return 401
    except NotPermitted:
        return 403
    return 200


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Caller, str | None]]:
    """A file of tokens, and what each caller of the matrix sends."""
    path = tmp_path_factory.mktemp("matrix") / "tokens"
    sent: dict[Caller, str | None] = {
        "nobody": None,
        "wrong": "Bearer gpuscope_000000000000_" + 64 * "0",
        "expired": f"Bearer {issue(path, Role.ADMIN, expires=900)}",
    }
    for caller in CALLERS[3:]:
        sent[caller] = f"Bearer {issue(path, Role(caller))}"
    return path, sent


def matrix_guard(path: Path, configuration: Configuration) -> Guard:
    """Return a guard as the matrix configures it."""
    tokens_file = None if configuration == "open" else str(path)
    auth = Auth(tokens_file=tokens_file, anonymous=ANONYMOUS[configuration])
    return guard_of(Settings(auth=auth), Metrics("0").judging, clock=Clock())


def test_every_route_lets_in_whom_the_matrix_says(
    tokens: tuple[Path, dict[Caller, str | None]],
) -> None:
    """Every route, every caller; open, closed, and open to readers."""
    path, sent = tokens
    guards = {name: matrix_guard(path, name) for name in ANONYMOUS}
    rows = list(access_matrix.rows())
    met = {
        str(row): status_of(
            guards[row.configuration], sent[row.caller], row.endpoint.api, row.endpoint.needs
        )
        for row in rows
    }

    assert len(rows) == len(met)
    assert {str(row): row.expected for row in rows} == met


@pytest.mark.parametrize("api", [*Api, None])
@pytest.mark.parametrize("needs", Permission)
def test_routes_to_come_are_guarded_as_the_matrix_says(
    tokens: tuple[Path, dict[Caller, str | None]], api: Api | None, needs: Permission
) -> None:
    """Every API and permission, whether or not a route has it yet."""
    path, sent = tokens
    endpoint = Endpoint("GET", "/x", api, needs, "", Status)
    for configuration in ANONYMOUS:
        guard = matrix_guard(path, configuration)
        met = [status_of(guard, sent[caller], endpoint.api, needs) for caller in CALLERS]
        assert [
            access_matrix.expected(configuration, caller, api, needs) for caller in CALLERS
        ] == met


def test_a_refusal_says_what_to_send(door: Door) -> None:
    """Without a token: what to send, and the challenge of RFC 6750 without an error."""
    with pytest.raises(Unauthenticated, match="send the header Authorization: Bearer") as refusal:
        door.read(None)

    assert 'Bearer realm="gpuscope"' == refusal.value.challenge
    assert {("unknown", "absent"): 1} == counted(door.metrics)


def test_a_wrong_token_is_refused_even_where_nobody_need_send_one(door: Door) -> None:
    """Whoever sends one means to be known by it."""
    assert "anonymous" == door.guard.admit(None, Api.HEALTH, READ).name
    with pytest.raises(Unauthenticated) as refusal:
        door.guard.admit("Bearer x", Api.HEALTH, READ)

    assert 'Bearer realm="gpuscope", error="invalid_token"' == refusal.value.challenge
    assert {("anonymous", "admitted"): 1, ("review", "wrong"): 0, ("unknown", "wrong"): 1} == {
        ("review", "wrong"): 0,
        **counted(door.metrics),
    }


def test_a_role_that_is_too_small_is_named(door: Door) -> None:
    """The caller is told its role and what it may not; what is missing is a scope."""
    text = issue(door.path, Role.WORKER)
    door.clock.now += 1
    with pytest.raises(NotPermitted, match="the role worker may not read here") as refusal:
        door.read(f"Bearer {text}")

    assert 'Bearer realm="gpuscope", error="insufficient_scope"' == refusal.value.challenge
    assert {("tokens", "forbidden"): 1} == counted(door.metrics)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   ", " \tBearer "])
def test_the_scheme_may_be_spelled_in_any_case(door: Door, scheme: str) -> None:
    """As RFC 9110 has it; spaces do not matter."""
    text = issue(door.path, Role.VIEWER, name="ann")
    door.clock.now += 1

    assert "token:ann" == door.read(f"{scheme}{text} ").name


@pytest.mark.parametrize("payload", [b'{"x":' + b"[" * 8000, b'{"iss":"\xff"}', b"1"])
def test_what_cannot_be_read_is_wrong(fuzzed: Guard, payload: bytes) -> None:
    """Endless nesting, bytes that are no text, claims that are none."""
    token = f"e30.{urlsafe_b64encode(payload).decode().rstrip('=')}.x"
    with pytest.raises(Unauthenticated, match="not valid"):
        fuzzed.admit(f"Bearer {token}", Api.REALTIME, READ)


_MALFORMED = (
    "", " ", "Bearer", "Bearer ", "Basic dTpw", "Bearer a b", "Bearer a,b", "Bearer a\x00",
    "Bearer a\r\nX: y", "Bearer é", "Bearer ٣", "Token a", "Bearer:a", "Bearer \ta",
    "Bearer " + "a" * 16 * 1024, "Bearer a, Bearer a", "=", "Bearer =",
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(_MALFORMED)))
def test_a_malformed_header_is_refused(door: Door, number: int) -> None:
    """Even where nobody need send one; nobody is asked about it and nothing of it is repeated."""
    with pytest.raises(Unauthenticated, match="is not a bearer token") as refusal:
        door.guard.admit(_MALFORMED[number], Api.HEALTH, READ)

    assert not refusal.value.given
    assert {("unknown", "malformed"): 1} == counted(door.metrics)


def test_a_revoked_token_is_out_within_a_second(door: Door) -> None:
    """Nothing that the guard remembers keeps it in."""
    text = issue(door.path, Role.VIEWER)
    door.clock.now += 1
    door.read(f"Bearer {text}")
    revoke(door.path, text)
    door.clock.now += 1

    with pytest.raises(Unauthenticated):
        door.read(f"Bearer {text}")


def test_where_nothing_is_configured_everybody_may_do_everything() -> None:
    """Whatever they send: the samples of the documents work as they stand."""
    metrics = Metrics("0")
    with guarding(Auth(), Clock(), metrics) as guard:
        found = {
            guard.admit(sent, Api.POOLS, Permission.ADMINISTER)
            for sent in (None, "Bearer YOUR_TOKEN", "Basic x")
        } | {guard.identify(None), guard.admit(None, None, READ)}

    assert {Principal("anonymous", Role.ADMIN)} == found
    assert {("open", "admitted"): 3} == counted(metrics)


def test_open_routes_ask_nobody_and_may_know_somebody(door: Door) -> None:
    """Health answers whatever is sent; who asked is known only if the token is good."""
    text = issue(door.path, Role.VIEWER, name="ann")
    door.clock.now += 1

    assert NOBODY == door.guard.admit("Bearer x", None, READ)
    assert [NOBODY, NOBODY, NOBODY, "token:ann"] == [
        door.guard.identify(None),
        door.guard.identify("Bearer x"),
        door.guard.identify("Basic x"),
        door.guard.identify(f"Bearer {text}").name,
    ]


@pytest.mark.parametrize(
    ("role", "clusters"), [(Role.VIEWER, None), (Role.OPERATOR, None), (Role.WORKER, frozenset())]
)
def test_open_routes_tell_no_more_than_the_closed_ones(
    door: Door, role: Role, clusters: frozenset[str] | None
) -> None:
    """Whoever may not read the real-time API is known by name, and sees no cluster."""
    text = issue(door.path, role, name="ann")
    door.clock.now += 1

    found = door.guard.identify(f"Bearer {text}")

    assert ("token:ann", clusters) == (found.name, found.scope.clusters)


class Vouching:
    """An authenticator that says yes until a time, or what a test makes it raise."""

    def __init__(self, until: float) -> None:
        self.until, self.judged, self.closed = until, 0, False
        self.error: QueryApiError | None = None

    def judge(self, token: str, digest: bytes) -> Verdict:
        """Say yes."""
        self.judged += 1
        if self.error is not None:
            raise self.error
        return Verdict(Principal("a", Role.VIEWER), self.until)

    def asks(self, digest: bytes) -> bool:
        """Say that somebody else would be asked."""
        return True

    def close(self) -> None:
        """Remember that."""
        self.closed = True


@pytest.mark.parametrize(("until", "good_for"), [(1010, 10), (5000, 60)])
def test_a_judged_token_is_remembered_for_a_minute_at_most(until: float, good_for: int) -> None:
    """Or until it ends; a clock that is set back makes nobody good for longer."""
    clock, vouching, metrics = Clock(), Vouching(until), Metrics("0")
    guard = Guard(Sources(review=vouching), Anonymous(), metrics=metrics.judging, clock=clock)
    judged = []
    for now in (1000, 1000 + good_for - 1, 1000 + good_for, 0):
        clock.now = now
        guard.admit("Bearer x", Api.REALTIME, READ)
        judged.append(vouching.judged)
    guard.close()

    assert [1, 1, 2, 3] == judged
    assert vouching.closed
    assert {("review", "admitted"): 4} == counted(metrics)


def test_who_cannot_be_judged_is_told_to_come_back() -> None:
    """Not that the token is wrong; an open route works even so."""
    vouching, metrics = Vouching(0), Metrics("0")
    vouching.error = AuthenticatorUnavailable("later", retry_after=3)
    guard = Guard(Sources(review=vouching), Anonymous(), metrics=metrics.judging, clock=Clock())
    with pytest.raises(AuthenticatorUnavailable) as failure:
        guard.admit("Bearer x", Api.REALTIME, READ)

    assert 3 == failure.value.retry_after
    assert NOBODY == guard.identify("Bearer x")
    assert {("review", "unavailable"): 2} == counted(metrics)


def test_what_is_remembered_is_bounded() -> None:
    """What was not used for longest is forgotten first."""
    recent: Recent[int] = Recent(2)
    for number in (1, 2):
        recent.put(bytes([number]), number)
    recent.get(b"\x01")
    recent.put(b"\x03", 3)
    recent.forget(b"\x03")
    recent.forget(b"\x03")

    assert [1, None, None] == [recent.get(bytes([number])) for number in (1, 2, 3)]
    assert 1 == len(recent)


def test_each_token_is_judged_by_its_own_kind(tmp_path: Path) -> None:
    """Ours by the file, the issuer's by its keys, all else by the API server."""
    path, own = tmp_path / "tokens", tmp_path / "own"
    text = issue(path, Role.VIEWER, name="filed")
    own.write_text("own")
    with issuer.running() as source, apiserver.running() as cluster:
        cluster.enrol(abc=User("bob", ("ops",)))
        grants = (Grant("ops", Role.OPERATOR),)
        auth = Auth(
            tokens_file=str(path),
            oidc=Oidc(source.url, issuer.AUDIENCE, grants=grants),
            token_review=TokenReview(grants, server=cluster.url, ca_file=None, token_file=str(own)),
        )
        with guarding(auth, Clock()) as guard:
            sent = (text, source.token(), "abc")
            found = [guard.admit(f"Bearer {it}", Api.REALTIME, READ).name for it in sent]
            for wrong in (text[:-1] + "x", source.token(key=issuer.KEYS["two"][1])):
                with pytest.raises(Unauthenticated):
                    guard.admit(f"Bearer {wrong}", Api.REALTIME, READ)
            reviewed = len(cluster.seen("create", "tokenreviews"))
            with pytest.raises(Unauthenticated):
                guard.admit(f"Bearer {source.token(iss='other')}", Api.REALTIME, READ)

        assert ["token:filed", "oidc:ann", "kubernetes:bob"] == found
        assert (1, 2) == (reviewed, len(cluster.seen("create", "tokenreviews")))


def test_only_an_unknown_token_of_kubernetes_is_anothers_to_judge(tmp_path: Path) -> None:
    """All else is judged here: it is no cost to anybody, right or wrong."""
    path, own = tmp_path / "tokens", tmp_path / "own"
    text = issue(path, Role.VIEWER)
    own.write_text("own")
    with issuer.running() as source, apiserver.running() as cluster:
        cluster.enrol(abc=User("bob", ("ops",)))
        grants = (Grant("ops", Role.OPERATOR),)
        auth = Auth(
            tokens_file=str(path),
            oidc=Oidc(source.url, issuer.AUDIENCE, grants=grants),
            token_review=TokenReview(grants, server=cluster.url, ca_file=None, token_file=str(own)),
        )
        with guarding(auth, Clock()) as guard, guarding(Auth(), Clock()) as open_guard:
            sent = [f"Bearer {it}" for it in (text, text[:-1], source.token(), "abc", "new")]
            before = [guard.asks(it) for it in [*sent, "Basic x"]]
            guard.admit("Bearer abc", Api.REALTIME, READ)
            with pytest.raises(Unauthenticated):
                guard.admit("Bearer new", Api.REALTIME, READ)

            assert [False, False, False, True, True, False] == before
            assert not any(map(guard.asks, sent))
            assert not open_guard.asks("Bearer abc")


def test_a_token_that_nobody_judges_is_wrong(tmp_path: Path) -> None:
    """One of ours too, where there is no file of them."""
    metrics = Metrics("0")
    guard = Guard(Sources(review=Vouching(0)), Anonymous(), metrics=metrics.judging, clock=Clock())
    with pytest.raises(Unauthenticated):
        guard.admit("Bearer gpuscope_x", Api.REALTIME, READ)

    assert not guard.asks("Bearer gpuscope_x")
    assert {("unknown", "wrong"): 1} == counted(metrics)


def test_addresses_that_others_reach_are_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The service speaks no TLS itself: somebody else has to."""
    issue(tmp_path / "tokens", Role.VIEWER)
    auth = Auth(tokens_file=str(tmp_path / "tokens"))
    with caplog.at_level(logging.WARNING):
        guard_of(Settings(auth=auth), Metrics("0").judging)
        assert "" == caplog.text
        guard_of(Settings(auth=auth, listen=("127.0.0.1:1", "0.0.0.0:80")), Metrics("0").judging)

    assert "tokens can be read on the way to 0.0.0.0:80 unless TLS" in caplog.text


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    """A guard with a file of tokens and an issuer."""
    path = tmp_path_factory.mktemp("fuzzed") / "tokens"
    issue(path, Role.ADMIN)
    with issuer.running() as source:
        oidc = Oidc(source.url, issuer.AUDIENCE, grants=(Grant("ops", Role.ADMIN),))
        auth = Auth(tokens_file=str(path), oidc=oidc, anonymous=Anonymous(realtime=Role.ADMIN))
        with guarding(auth, Clock()) as guard:
            yield guard


_SEGMENT = st.text("abcABC019-_=", max_size=30)
_SENT = st.one_of(
    st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")),
    st.binary(max_size=200).map(lambda raw: "Bearer " + raw.decode("latin-1")),
    st.text("abc.~+/=-_", max_size=80).map("Bearer {}".format),
    st.text("0123456789abcdef_", max_size=80).map("Bearer gpuscope_{}".format),
    st.binary(max_size=60).map(lambda raw: f"Bearer a.{urlsafe_b64encode(raw).decode()}.b"),
    st.tuples(_SEGMENT, _SEGMENT, _SEGMENT).map(lambda it: "Bearer " + ".".join(it)),
)


@hypothesis.given(_SENT)
def test_nothing_that_is_made_up_gets_in(fuzzed: Guard, sent: str) -> None:
    """Whatever bytes are sent, the answer is 401 and nothing breaks."""
    with pytest.raises(Unauthenticated):
        fuzzed.admit(sent, Api.REALTIME, READ)
