"""TLS, users and headers on a real socket, while their files change and clients misbehave."""

import base64
import re
import select
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
import urllib3

from demo.processes import LOOPBACK, wait_for
from exporter.web import connections, deadlines
from exporter.web.following import Following
from exporter.web.handshakes import Failure, Handshakes
from tests.exporter.web.conftest import HASH, PASSWORD, Folder
from tests.support.fake_driver import ManualClock
from tests.support.serving import BODY, Served, Shown, serving, told
from tests.support.tls import Certificate

TLS = "tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n"
USERS = f"basic_auth_users: {{prometheus: {HASH}}}\n"
RIGHT = "Basic " + base64.b64encode(f"prometheus:{PASSWORD}".encode()).decode()


def connected(served: Served) -> socket.socket:
    """Return a connection on which nothing was said yet."""
    host, _, port = served.address.partition(":")
    return socket.create_connection((host, int(port)), timeout=60)


def replied(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_tls_and_users(folder: Folder) -> None:
    """Metrics over TLS for who has a password; probes are told how it is, and not why."""
    publisher = Shown("the API server at 10.0.0.1 is down")
    with serving(publisher, config=folder.write(TLS + USERS), trust=folder.cert) as served:
        refused = served.ask("/metrics")
        answer = served.ask("/metrics", Authorization=RIGHT)
        codes = [served.ask(path).status for path in ("/", "/nothing", "/healthz", "/-/healthy")]
        probe = served.ask("/readyz")

    assert (401, 'Basic realm="gpuscope", charset="UTF-8"') == (
        refused.status, refused.headers["WWW-Authenticate"]
    )  # fmt: skip
    assert (200, BODY) == (answer.status, told(answer.data))
    assert b'gpu_exporter_http_requests_rejected_total{reason="unauthorized"} 1\n' in answer.data
    assert [401, 401, 200, 200] == codes
    assert (503, b"not ready\n") == (probe.status, probe.data)


@pytest.mark.parametrize("version", ["--tlsv1.2", "--tlsv1.3"])
def test_curl(folder: Folder, version: str) -> None:
    """curl, which would rather speak HTTP/2, verifies the certificate and gets the page."""
    with serving(Shown(), config=folder.write(TLS), trust=folder.cert) as served:
        command = ["curl", "-sS", version, "--cacert", str(folder.cert), f"{served.url}/metrics"]
        done = subprocess.run(command, capture_output=True, check=False)

    assert (0, b"", BODY) == (done.returncode, done.stderr, told(done.stdout))


def test_headers(folder: Folder) -> None:
    """The file's headers are on every answer and win over ours."""
    text = "http_server_config: {headers: {Content-Security-Policy: self, X-Frame-Options: deny}}"
    with serving(Shown(), config=folder.write(text)) as served:
        answers = [served.ask(path) for path in ("/", "/metrics", "/nothing")]

    assert [("self", "deny", "nosniff", "no-referrer")] * 3 == [
        tuple(
            each.headers[name]
            for name in (
                "Content-Security-Policy", "X-Frame-Options",
                "X-Content-Type-Options", "Referrer-Policy",
            )
        )
        for each in answers
    ]  # fmt: skip


def test_a_renewed_certificate(
    folder: Folder, certificates: tuple[Certificate, Certificate]
) -> None:
    """New connections get the new certificate; between two files that do not fit, the old one."""
    with serving(Shown(), config=folder.write(TLS), trust=folder.cert) as served:
        old, new = (ssl.create_default_context(cafile=each.cert) for each in certificates)
        served.ask_as(old, "/healthz")
        (folder.path / "tls.key").write_bytes(certificates[1].key.read_bytes())
        between = served.ask_as(old, "/metrics").data
        folder.put(certificates[1])
        after = served.ask_as(new, "/metrics").data
        with pytest.raises(urllib3.exceptions.SSLError):
            served.ask_as(old, "/healthz")

    assert b"gpu_exporter_web_config_reload_success 0\n" in between
    assert b"gpu_exporter_web_config_reload_success 1\n" in after


def test_a_broken_file(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    """It changes nothing, is told of once, and is forgotten when it is mended."""
    now = iter([1.0, 2.0])
    following = Following(folder.write(USERS), lambda: next(now))
    folder.write("basic_auth_users: {me: }}")
    broken = [following.current() for _ in range(3)]
    state = (following.is_current, following.read_at)
    folder.write("")
    mended = following.current()

    assert [{"prometheus": HASH}] * 3 == [each.users for each in broken]
    assert (False, 1.0) == state
    assert ({}, True, 2.0) == (mended.users, following.is_current, following.read_at)
    assert 1 == len([each for each in caplog.records if "cannot be used" in each.getMessage()])


def test_a_file_that_is_gone_for_a_moment(folder: Folder) -> None:
    """A file that is replaced may be missing meanwhile."""
    following = Following(folder.write(USERS), lambda: 1.0)
    folder.config.unlink()
    gone = following.current()
    folder.write(USERS)

    assert gone.users == following.current().users == {"prometheus": HASH}
    assert following.is_current


def test_tls_is_not_turned_off(folder: Folder) -> None:
    """Taking TLS out of the file is an error of the file, and no way to lose it."""
    following = Following(folder.write(TLS), lambda: 1.0)
    folder.write("")

    assert following.current().context is not None
    assert not following.is_current


def _failures(page: str) -> dict[str, int]:
    """Return how many handshakes failed, by why."""
    found = re.findall(
        r'^gpu_exporter_http_tls_failures_total\{reason="(\w+)"\} (\d+)$', page, re.MULTILINE
    )
    return {why: int(number) for why, number in found if number != "0"}


def test_a_client_that_does_not_trust_us(
    folder: Folder,
    certificates: tuple[Certificate, Certificate],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who has the wrong CA is seen here too: counted each time, told once a minute."""
    caplog.set_level("INFO")
    wrong = ssl.create_default_context(cafile=certificates[1].cert)
    with serving(Shown(), config=folder.write(TLS), trust=folder.cert) as served:
        for _ in range(3):
            with pytest.raises(urllib3.exceptions.SSLError):
                served.ask_as(wrong, "/metrics")
        connected(served).close()
        wait_for(
            lambda: (
                {"our_certificate": 3, "gone": 1} == _failures(served.ask("/metrics").data.decode())
            ),
            seconds=60,
            what="all are counted",
        )
    (said,) = (each for each in caplog.messages if "no TLS" in each)

    assert said.startswith(
        "no TLS with 127.0.0.1: it does not accept our certificate: give it the CA of cert_file ("
    )


def test_many_addresses_that_fail(caplog: pytest.LogCaptureFixture) -> None:
    """Each address is told of once a minute, at most 256 of them, and no more are remembered."""
    clock = ManualClock()
    handshakes = Handshakes(clock)
    caplog.set_level("INFO")

    def told(*addresses: object) -> int:
        caplog.clear()
        for each in addresses:
            handshakes.fail(f"a{each}", Failure.NOT_ALLOWED)
        return len(caplog.messages)

    many = [told(1, 2, 1, 1, 2), told(*range(2000))]
    clock.now += 61

    assert [2, 254] == many
    assert 1 == told(7, 7)
    assert 2007 == handshakes.failures()[Failure.NOT_ALLOWED]


def test_clients_with_certificates(
    folder: Folder, certificates: tuple[Certificate, Certificate]
) -> None:
    """Only who shows a certificate of the CA, made out to a listed name, gets in."""
    ours, others = certificates

    def client(shown: Certificate | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=folder.cert)
        if shown:
            context.load_cert_chain(shown.cert, shown.key)
        return context

    def answered(shown: Certificate | None) -> bool:
        try:
            return 200 == served.ask_as(client(shown), "/metrics").status
        except urllib3.exceptions.HTTPError:
            return False

    text = (
        "tls_server_config: {cert_file: tls.crt, key_file: tls.key, client_ca_file: tls.crt, "
        "client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [%s]}"
    )
    with serving(Shown(), config=folder.write(text % LOOPBACK), trust=folder.cert) as served:
        listed = [answered(each) for each in (ours, others, None)]
        folder.write(text % "10.0.0.1")
        unlisted = answered(ours)

        folder.write(text % LOOPBACK)
        counted = served.ask_as(client(ours), "/metrics").data.decode()

    assert ([True, False, False], False) == (listed, unlisted)
    assert {"client_certificate": 2, "not_allowed": 1} == _failures(counted)


def test_plain_http_on_a_port_with_tls(folder: Folder) -> None:
    """Who forgets the s of https is told."""
    with serving(Shown(), config=folder.write(TLS), trust=folder.cert) as served:
        done = subprocess.run(
            ["curl", "-sS", f"http://{served.address}/metrics"], capture_output=True, check=False
        )

    assert (0, b"this port is HTTPS: use https:\n") == (done.returncode, done.stdout)


def test_a_handshake_that_is_never_made(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that connect and say nothing keep nobody waiting, and are cut off."""
    monkeypatch.setattr(connections, "_SILENT_SECONDS", 2)
    with serving(Shown(), config=folder.write(TLS), trust=folder.cert) as served:
        silent = [connected(served) for _ in range(5)]
        assert 200 == served.ask("/healthz").status
        assert [] == select.select(silent, [], [], 0)[0]
        assert [b""] * 5 == [replied(each) for each in silent]
        for each in silent:
            each.close()


def drip(connection: socket.socket) -> None:
    """Send byte after byte for 10 s."""
    for _ in range(200):
        connection.sendall(b"X")
        time.sleep(0.05)


def test_a_client_that_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then does not keep a connection: a request has its time as a whole."""
    monkeypatch.setattr(connections, "_REQUEST_SECONDS", 0.5)
    with serving(Shown()) as served, connected(served) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\n")
        began = time.monotonic()
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            drip(slow)

    assert 5 > time.monotonic() - began


@pytest.mark.parametrize("tls", [False, True])
def test_a_client_that_does_not_read(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, *, tls: bool
) -> None:
    """It holds its place for a while, and then others have it."""
    monkeypatch.setattr(connections, "_SENDING_SECONDS", 0.0)
    # Not because others wait, but because its own time is over.
    monkeypatch.setattr(deadlines, "_PRESSED_ANSWERING_SECONDS", 600.0)
    large, config = Shown(blocks=[b"x" * 20_000_000]), folder.write(TLS if tls else "")
    with serving(
        large, config=config, trust=folder.cert if tls else None, most_requests=1
    ) as served:
        context = ssl.create_default_context(cafile=folder.cert)
        plain = connected(served)
        with context.wrap_socket(plain, server_hostname=LOOPBACK) if tls else plain as sleeper:
            sleeper.sendall(
                b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
                b"X-Prometheus-Scrape-Timeout-Seconds: 3\r\n\r\n"
            )
            assert sleeper.recv(4)
            busy = served.ask("/metrics", "HEAD")
            wait_for(
                lambda: 200 == served.ask("/metrics", "HEAD").status, seconds=60, what="a place"
            )

    assert (503, "5") == (busy.status, busy.headers["Retry-After"])


def test_the_sample_of_the_documentation(folder: Folder) -> None:
    """The file that is shown works here, and Prometheus and its exporters take it as well."""
    page = Path("docs/exporter-web.md").read_text()
    sample = folder.write(page.split("```yaml\n")[1].split("```")[0])
    with serving(Shown(), config=sample, trust=folder.cert) as served:
        wrong = served.ask("/metrics", Authorization=RIGHT)
    checked = subprocess.run(
        ["promtool", "check", "web-config", sample], capture_output=True, check=False
    )

    assert 401 == wrong.status
    assert 0 == checked.returncode, checked.stderr


def test_threads_end(folder: Folder) -> None:
    """A server that is stopped leaves no thread behind."""
    before = threading.active_count()
    with serving(Shown(), config=folder.write(TLS), trust=folder.cert) as served:
        served.ask("/metrics")

    assert before >= threading.active_count()
