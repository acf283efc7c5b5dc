"""Every request leaves one line in the log and one observation in the metrics."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from flask import Flask, Response, g, request

from queryapi.telemetry.logs import fields
from queryapi.telemetry.metrics import Metrics

_LOG = logging.getLogger("queryapi.access")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def install(app: Flask, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
    """Observe every request of *app*; a request id is taken over from a proxy or made."""

    def start() -> None:
        g.started = clock()
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

    def finish(answer: Response) -> Response:
        seconds = clock() - g.started
        route = request.url_rule.rule if request.url_rule else "unmatched"
        metrics.request(route, request.method, answer.status_code, seconds)
        answer.headers["X-Request-ID"] = g.request_id
        _LOG.info(
            "request",
            extra=fields(
                request_id=g.request_id,
                client=request.remote_addr,
                method=request.method,
                path=request.path,
                status=answer.status_code,
                bytes=answer.content_length,
                milliseconds=round(seconds * 1000, 2),
            ),
        )
        return answer

    app.before_request(start)
    app.after_request(finish)
