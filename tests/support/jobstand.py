"""Stands in for the routes of jobs and their stream, as their clients see them."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from demo.processes import LOOPBACK

_METRICS = ("gpuUtilization", "gpuMemoryUsed", "gpuMemoryTotal", "gpuTemperature", "powerUsage")
_PATH = re.compile(r"/api/jobs/([^/]+)/(\w+)")


@dataclass(slots=True)
class StandIn:
    """One service; every job costs a unit a second.

    Attributes:
        url: Of its HTTP API.
        stream_url: Of its WebSockets.
        connections: Of clients of the WebSockets.
        subscribed: What these have sent.
    """

    url: str = ""
    stream_url: str = ""
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    connections: list[ServerConnection] = field(default_factory=list)
    subscribed: list[dict[str, Any]] = field(default_factory=list)
    _listeners: dict[str, list[ServerConnection]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def post(self, id_: str, action: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Take in a report, or the end of a job."""
        with self._lock:
            job = self.jobs.setdefault(id_, _job(id_))
            job["worker"] = body.get("workerId")
            if action == "complete":
                self._complete(job, "FAILED" if body["status"] == "failed" else "COMPLETED", body)
                return 200, {"success": True, "job": {"id": id_, "status": job["status"]}}
            job["progress"] = max(job["progress"], min(100, body.get("progress", 0)))
            job["currentOperation"] = body.get("currentOperation", job["currentOperation"])
            if job["progress"] > 0 and job["started"] is None:
                job["started"], job["status"] = time.time(), "RUNNING"
            self._stored(job, body)
            if job["progress"] >= 100 and job["status"] == "RUNNING":
                self._complete(job, "COMPLETED", {})
            return 200, {"success": True, **_estimates(job)}

    def get(self, id_: str, what: str, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer a question of a job."""
        with self._lock:
            job = self.jobs.get(id_)
            if job is None:
                return 404, {"success": False, "error": "Job not found"}
            samples = [sample for sample in job["samples"] if sample]
            if what == "metrics":
                return 200, {"success": True, "metrics": samples, "timeRange": 60}
            if what == "logs":
                level, limit = query.get("level"), int(query.get("limit", 100))
                fits = [line for line in job["logs"] if level in (None, line["level"])]
                end = len(fits) - int(query.get("offset", 0))
                page = fits[max(0, end - limit) : max(0, end)]
                return 200, {"success": True, "logs": page, "total": len(fits)}
            return 200, {
                "success": True,
                "job": _shown(job),
                "metrics": {
                    "latest": samples[-1] if samples else None,
                    "history": samples[-30:],
                },
                "logs": job["logs"][-100:],
                "seq": len(job["frames"]),
                "epoch": "1-1",
                **(_estimates(job) if job["status"] == "RUNNING" else {}),
            }

    def listen(self, connection: ServerConnection) -> None:
        """Serve one WebSocket."""
        self.connections.append(connection)
        connection.send(_message("connected", clientId="c"))
        with suppress(ConnectionClosed):
            for text in connection:
                self._subscribe(connection, json.loads(text))

    def cut(self) -> None:
        """Drop every connection, as a network does."""
        for connection in self.connections:
            with suppress(OSError):
                connection.socket.shutdown(2)
        self.connections.clear()

    def _subscribe(self, connection: ServerConnection, asked: dict[str, Any]) -> None:
        id_ = asked["subscriptionId"]
        with self._lock:
            job = self.jobs.get(id_)
            frames = job["frames"] if job else []
            since = asked.get("since")
            recovered = since is not None and asked.get("epoch") == "1-1"
            ack = {"subscription": f"job:{id_}", "seq": len(frames), "recovered": recovered}
            connection.send(_message("subscribed", epoch="1-1", **ack))
            if recovered:
                replay = frames[since:]
            else:
                # As it is now: one frame, and the end besides.
                kinds = ("JOB_PROGRESS", "JOB_COMPLETED")
                newest = {
                    f["type"]: {**f, "seq": len(frames)} for f in frames if f["type"] in kinds
                }
                replay = list(newest.values())
            for frame in replay:
                connection.send(json.dumps(frame))
            self._listeners.setdefault(id_, []).append(connection)
            self.subscribed.append(asked)

    def _stored(self, job: dict[str, Any], body: dict[str, Any]) -> None:
        now = _now()
        given = body.get("metrics")
        sample = given and {
            "id": str(len(job["frames"])),
            "jobId": job["id"],
            "timestamp": now,
            **{name: given.get(name) for name in _METRICS},
        }
        job["samples"].append(sample)
        told = {"progress": job["progress"], "currentOperation": job["currentOperation"]}
        if sample:
            told["metrics"] = sample
        self._tell(job, "JOB_PROGRESS", **told, **_estimates(job))
        lines = [
            {
                "id": str(len(job["logs"]) + place),
                "jobId": job["id"],
                "timestamp": now,
                "level": line.get("level", "info"),
                "message": line["message"],
            }
            for place, line in enumerate(body.get("logLines") or [])
        ]
        job["logs"] += lines
        if lines:
            self._tell(job, "JOB_LOGS", logs=lines)

    def _complete(self, job: dict[str, Any], status: str, body: dict[str, Any]) -> None:
        job["status"] = status
        if status == "COMPLETED":
            job["progress"] = 100
        result = {"result": body.get("result"), "error": body.get("error")} if body else None
        self._tell(job, "JOB_COMPLETED", status=status, result=result)

    def _tell(self, job: dict[str, Any], kind: str, **data: Any) -> None:
        frame = {
            "type": kind,
            "data": {"jobId": job["id"], **data, "timestamp": _now()},
            "seq": len(job["frames"]) + 1,
            "subscriptionId": job["id"],
        }
        job["frames"].append(frame)
        for connection in self._listeners.get(job["id"], []):
            with suppress(ConnectionClosed):
                connection.send(json.dumps(frame))


def _job(id_: str) -> dict[str, Any]:
    lists: dict[str, Any] = {"samples": [], "logs": [], "frames": []}
    first = {
        "id": id_,
        "status": "PENDING",
        "progress": 0,
        "currentOperation": None,
        "silent": None,
    }
    return {**first, "started": None, "worker": None, **lists}


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "status", "progress", "currentOperation")
    return {
        **{name: job[name] for name in names},
        "startedAt": job["started"] and _now(),
        "liveness": "STALLED" if job["silent"] else "LIVE",
        "lastReportAt": job["silent"] or _now(),
        "provider": {"id": None, "workerId": job["worker"], "gpuModel": None, "pricePerHour": 3600},
        "user": {"qubicAddress": None, "username": None},
    }


def _estimates(job: dict[str, Any]) -> dict[str, float]:
    if job["started"] is None or not job["progress"]:
        return {}
    elapsed = time.time() - job["started"] + 0.05
    remaining = max(0, elapsed / job["progress"] * 100 - elapsed)
    return {"timeRemaining": round(remaining, 1), "costSoFar": round(elapsed, 6)}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(kind: str, **data: Any) -> str:
    return json.dumps({"type": kind, "data": {**data, "timestamp": _now()}})


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """Run one."""
    service = StandIn()

    class Handler(BaseHTTPRequestHandler):
        """One connection of the HTTP API."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answered(lambda job, what: service.post(job, what, body))

        def do_GET(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query))
            self._answered(lambda job, what: service.get(job, what, query))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answered(self, answer: Callable[[str, str], tuple[int, dict[str, Any]]]) -> None:
            found = _PATH.fullmatch(urlsplit(self.path).path)
            told: dict[str, Any]
            status, told = answer(found[1], found[2]) if found else (404, {"error": "Not found"})
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)

    http = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    stream: Server = serve(service.listen, LOOPBACK, 0, close_timeout=1)
    service.url = f"http://{LOOPBACK}:{http.server_address[1]}"
    service.stream_url = f"ws://{LOOPBACK}:{stream.socket.getsockname()[1]}/ws"
    threads = [threading.Thread(target=each.serve_forever) for each in (http, stream)]
    for thread in threads:
        thread.start()
    try:
        yield service
    finally:
        for connection in service.connections:
            with suppress(OSError):
                connection.socket.shutdown(2)
        http.shutdown()
        http.server_close()
        stream.shutdown()
        for thread in threads:
            thread.join(10)
