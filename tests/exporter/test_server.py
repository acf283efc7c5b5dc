"""What the exporter answers over HTTP, on a real socket."""

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from demo.processes import LOOPBACK, free_port, wait_for
from exporter import server
from exporter.errors import ConfigurationError
from exporter.exposition import CONTENT_TYPE
from exporter.server import Options, Site, listen_address
from tests.support.prometheus import prometheus
from tests.support.serving import BODY, Served, Shown, serving, told


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A publisher that is ready."""
    with serving(Shown()) as served:
        yield served


def test_metrics(served: Served) -> None:
    """The page as it is, in Prometheus' text format."""
    answer = served.ask("/metrics?x=1")

    assert (200, BODY) == (answer.status, told(answer.data))
    assert CONTENT_TYPE == answer.headers["Content-Type"]
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("identity", False),
        ("", False),
        ("x-gzip2, deflate", False),
    ],
)
def test_compression_is_the_clients_choice(
    served: Served, accepted: str, *, compressed: bool
) -> None:
    """Who accepts gzip gets it, who refuses it does not; caches are told that it varies."""
    answer = served.ask("/metrics", Accept_Encoding=accepted)

    assert compressed == (answer.headers.get("Content-Encoding") == "gzip")
    assert BODY == told(gzip.decompress(answer.data) if compressed else answer.data)
    assert "Accept, Accept-Encoding" == answer.headers["Vary"]
    assert str(len(answer.data)) == answer.headers["Content-Length"]


def _alike(*answers: urllib3.BaseHTTPResponse) -> bool:
    # But for the digits of what every page counts.
    lengths = [int(each.headers["Content-Length"]) for each in answers]
    return max(lengths) - min(lengths) < 40


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/", "/nothing"])
def test_head(served: Served, path: str) -> None:
    """HEAD is GET without the body, its length included."""
    got, headed = served.ask(path), served.ask(path, "HEAD")

    assert b"" == headed.data
    assert got.status == headed.status
    assert _alike(got, headed)


def test_head_of_what_would_be_compressed(served: Served) -> None:
    """That holds for the compressed page as well."""
    got = served.ask("/metrics", Accept_Encoding="gzip")
    headed = served.ask("/metrics", "HEAD", Accept_Encoding="gzip")

    assert ("gzip", b"") == (headed.headers["Content-Encoding"], headed.data)
    assert _alike(got, headed)


def test_a_client_that_reads_slowly() -> None:
    """A large page comes whole to whoever takes his time, and nobody else waits for him."""
    blocks = [f"gpu_plain {number}\n".encode() * 20_000 for number in range(40)]
    with serving(Shown(blocks=blocks)) as served:
        host, _, port = served.address.partition(":")
        with socket.create_connection((host, int(port)), timeout=20) as slow:
            slow.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            begun = slow.recv(10)
            answer = served.ask("/metrics", Accept_Encoding="gzip")
            rest = b"".join(iter(lambda: slow.recv(1 << 20), b""))

    assert b"".join(blocks) == told(gzip.decompress(answer.data))
    assert b"".join(blocks) == told((begun + rest).partition(b"\r\n\r\n")[2])


@pytest.mark.e2e
def test_prometheus_reads_the_whole_page(tmp_path: Path) -> None:
    """A real Prometheus, which asks for gzip, stores the samples of every block."""
    blocks = [f'gpu_test{{number="{number}"}} {number}\n'.encode() for number in range(300)]
    with (
        serving(Shown(blocks=blocks)) as served,
        prometheus(tmp_path, served, rules="groups: []") as server,
        urllib3.PoolManager() as pool,
    ):

        def stored() -> list[str]:
            url = f"{server.url}/api/v1/query"
            answer = pool.request("GET", url, fields={"query": "sum(gpu_test)"}).json()
            return [row["value"][1] for row in answer["data"]["result"]]

        wait_for(lambda: bool(stored()), seconds=60, what="a scrape")

        assert [str(sum(range(300)))] == stored()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/"])
def test_other_methods(served: Served, path: str, method: str) -> None:
    """Nothing here can be changed; the answer says what may be asked."""
    answer = served.ask(path, method)

    assert (405, "GET, HEAD") == (answer.status, answer.headers["Allow"])


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/METRICS", "/metrics/../metricsx"])
def test_other_paths(served: Served, path: str) -> None:
    """What is not there is 404."""
    assert 404 == served.ask(path).status


def test_health(served: Served) -> None:
    """The process is alive as soon as it answers."""
    answer = served.ask("/healthz")

    assert (200, b"ok\n") == (answer.status, answer.data)


def test_readiness(served: Served) -> None:
    """A publisher with something to say is ready."""
    answer = served.ask("/readyz")

    assert (200, b"ready\n") == (answer.status, answer.data)


def test_not_ready() -> None:
    """Readiness is refused with the reason; the metrics are there all the same."""
    with serving(Shown("nodes: é <not> yet")) as served:
        answer = served.ask("/readyz")

        assert (503, "not ready: nodes: é <not> yet\n") == (answer.status, answer.data.decode())
        assert "text/plain; charset=utf-8" == answer.headers["Content-Type"]
        assert 200 == served.ask("/healthz").status
        assert BODY == told(served.ask("/metrics").data)


def test_the_landing_page_shows_and_escapes_the_reason() -> None:
    """What an API server or a driver says cannot become markup."""
    with serving(Shown("<script>alert(1)</script>")) as served:
        body = served.ask("/").data.decode()

    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>" in body
    assert "<script>" not in body


def test_the_landing_page_links(served: Served) -> None:
    """Who opens the exporter in a browser finds metrics, readiness and the role."""
    answer = served.ask("/")
    body = answer.data.decode()

    assert "text/html; charset=utf-8" == answer.headers["Content-Type"]
    assert "role node" in body
    assert "<tr><td>state</td><td>ready</td></tr>" in body
    assert "<tr><td>started as</td><td>node --flag</td></tr>" in body
    assert '<a href="/metrics">metrics</a> <a href="/readyz">readiness</a>' in body


@pytest.mark.parametrize(
    "path", ["", "metrics", "/", "/healthz", "/readyz", "/m?x=1", "//m", '/"metrics&<b>', "/a b"]
)
def test_a_path_that_cannot_be_served(path: str) -> None:
    """A path at which nobody would find the metrics is refused, with one that can be used."""
    with pytest.raises(ConfigurationError, match="write a path such as /metrics"):
        Site(Shown(), Options("node", path))


def test_another_path_for_the_metrics() -> None:
    """The metrics are where they were asked to be, and only there."""
    with serving(Shown(), "/scrape") as served:
        assert BODY == told(served.ask("/scrape").data)
        assert 404 == served.ask("/metrics").status


def test_a_header_too_large(served: Served) -> None:
    """A request that never ends its headers is refused, and the next one answered."""
    assert 413 == served.ask("/metrics", X_Filler="x" * 20_000).status
    assert 200 == served.ask("/metrics").status


def test_the_publisher_runs_while_it_is_served() -> None:
    """It is started before the first answer and stopped after the last."""
    publisher = Shown()
    with serving(publisher):
        assert ["start"] == publisher.calls

    assert ["start", "stop"] == publisher.calls


def _serve(address: str) -> Shown:
    publisher = Shown()
    site = Site(publisher, Options("node"))
    server.serve(site, publisher, address=address, wait=lambda: None)
    return publisher


# cheroot forgets to close the socket it could not bind.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_port_in_use() -> None:
    """A port that is taken is one sentence that says what to do; nothing was started."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        address = f"{LOOPBACK}:{taken.getsockname()[1]}"

        with pytest.raises(
            ConfigurationError, match=rf"cannot listen on {address}: .*--web\.listen"
        ):
            _serve(address)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("host", ["..", "x" * 70, "999.1.1.1"])
def test_a_host_that_cannot_be(host: str) -> None:
    """So is a host that does not exist, or that no DNS would allow."""
    with pytest.raises(ConfigurationError, match="cannot listen on"):
        _serve(f"{host}:9400")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9400", ("127.0.0.1", 9400)),
        ("[::1]:9400", ("::1", 9400)),
        ("node-1:0", ("node-1", 0)),
        (":9400", ("0.0.0.0", 9400)),  # noqa: S104 - what is asked for
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    """Host and port, an IPv6 address in brackets; without a host, every interface."""
    assert expected == listen_address(text)


@pytest.mark.parametrize("text", ["", "9400", "host:", "host:x", "host:65536", "host:-1"])
def test_what_is_no_address(text: str) -> None:
    """Anything else is a sentence that shows a good one."""
    with pytest.raises(ConfigurationError, match=r"write HOST:PORT, as in 127\.0\.0\.1:9400"):
        listen_address(text)


def test_every_interface() -> None:
    """`:PORT` can be listened on."""
    assert ["start", "stop"] == _serve(f":{free_port()}").calls


def test_the_site_is_plain_wsgi() -> None:
    """It needs nothing but what WSGI gives: no Accept-Encoding is no compression."""
    said: list[Any] = []
    site = Site(Shown(), Options("node"))
    body = site(
        {"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics"},
        lambda status, headers: said.append((status, dict(headers))),
    )

    assert BODY == told(b"".join(body))
    assert "200 OK" == said[0][0]
