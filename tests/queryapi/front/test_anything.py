"""Whatever is sent, the answer is in the words of the API that was asked."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.gated import GOOD, PATH, gated
from tests.support.query_service import Service, running

_PATHS = st.one_of(
    st.text(max_size=30).map(lambda text: f"/{text}"),
    st.sampled_from(
        ["/api/v1/realtime/status", "/api/v1/realtime/", "/api/pools/p", "/api/jobs", "/healthz/"]
    ),
)
_HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING", "HTTP_IF_NONE_MATCH", "HTTP_ORIGIN",
            "HTTP_ACCESS_CONTROL_REQUEST_METHOD", "HTTP_AUTHORIZATION", "HTTP_X_FORWARDED_FOR",
            "HTTP_X_REQUEST_ID", "HTTP_TRANSFER_ENCODING", "HTTP_RANGE", "HTTP_CONTENT_TYPE",
            "HTTP_COOKIE", "HTTP_EXPECT", "HTTP_HOST", "CONTENT_LENGTH",
        ]
    ),
    st.text(st.characters(max_codepoint=255), max_size=20),
)  # fmt: skip
_QUERIES = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=30),
    st.text(st.sampled_from("clustername=&;%+0afF,?"), max_size=30),
    st.just("cluster=c"),
)
_METHODS = st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "SECRET"])


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    path = tmp_path_factory.mktemp("anything") / "gpuscope.db"
    with running(database_url=f"sqlite:///{path}") as service:
        yield service


@settings(max_examples=75, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=_PATHS, query=_QUERIES, method=_METHODS, headers=_HEADERS)
def test_no_request_is_a_defect(
    service: Service, path: str, query: str, method: str, headers: dict[str, str]
) -> None:
    """Never a 5xx, never a body that the document does not show."""
    answer = service.http.open(
        "/",
        method=method,
        environ_overrides={
            "PATH_INFO": path.encode("utf-8", "replace").decode("latin-1"),
            "QUERY_STRING": query,
            **headers,
        },
    )

    assert answer.status_code < 500
    assert 32 == len(answer.headers["X-Request-ID"]) or "HTTP_X_REQUEST_ID" in headers
    if method == "HEAD" or answer.status_code in (204, 304):
        assert b"" == answer.data
    elif answer.status_code != 200:
        _assert_dialect(path, json.loads(answer.data))


def _assert_dialect(path: str, body: dict[str, object]) -> None:
    keys = {
        "/api/v1/realtime": {"meta", "data"},
        "/api/pools": {"error", "message"},
        "/api/jobs": {"success", "error"},
    }
    prefix = next((known for known in keys if f"{path}/".startswith(f"{known}/")), None)

    expected = keys[prefix] if prefix else {"error"}
    # Only what is wrong with a request is told there.
    assert expected == body.keys() - ({"details"} if prefix == "/api/pools" else set())


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_plain_server_can_carry_it() -> None:
    """Nothing in the gate is for one WSGI server only."""
    with make_server("127.0.0.1", 0, gated().gate, handler_class=_Quiet) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            connection = HTTPConnection("127.0.0.1", server.server_port, timeout=20)
            connection.request("GET", PATH, headers=GOOD)
            answer = connection.getresponse()

            assert (200, b"inner") == (answer.status, answer.read())
            assert "nosniff" == answer.headers["X-Content-Type-Options"]
            connection.close()
        finally:
            server.shutdown()
            thread.join()
