"""Tells gpuscope how a job gets on, from the program that does its work.

One file of the standard library alone, longer than others here: import it, or copy it beside the
program.

    with JobReporter("http://gpuscope:8080", "job-1") as job:
        for epoch in range(10):
            ...
            job.report((epoch + 1) * 10, f"epoch {epoch + 1}/10")

Nothing here waits for the network or raises because of it. docs/workers.md says the rest.
"""

import atexit
import contextlib
import email.utils
import http.client
import json
import logging
import math
import os
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

_LOG = logging.getLogger("gpuscope.client")
_MOST_LINES, _MOST_BYTES, _MOST_MESSAGE = 500, 400_000, 8000
"""Of one report; the service takes no more than 500 lines and 1 MiB."""
_KEPT_LINES = 5000
_TRANSIENT = frozenset({408, 425, 429})
_SERVER_ERRORS = 500
_LONGEST_WAIT, _LONGEST_RETRY_AFTER = 60.0, 600.0
_MEASURED_ANEW, _MEASURED_WITHIN = 1.0, 1.0
_MIB = 1024 * 1024
_UNKNOWN = frozenset({2**32 - 1, 2**64 - 1})
"""Drivers answer this instead of saying that they do not know."""

Metrics = Mapping[str, float | None]
MEASURED: Metrics = {"measured": None}
"""Stands for what is measured when a report is made."""


def nvml_metrics() -> dict[str, float] | None:
    """Return what NVML says of the GPUs that this process sees; None where there are none.

    Several GPUs are told as one: the mean utilisation, memory and power together, the highest
    temperature. What one of them does not tell is left out.
    """
    try:
        import pynvml  # noqa: PLC0415 - most of what this file does goes without it
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        devices = [_device(pynvml, handle) for handle in _visible(pynvml)]
    except (pynvml.NVMLError, OSError):
        return None
    joined: dict[str, Callable[[list[float]], float]] = {
        "gpuUtilization": lambda each: sum(each) / len(each),
        "gpuMemoryUsed": sum,
        "gpuMemoryTotal": sum,
        "gpuTemperature": max,
        "powerUsage": sum,
    }
    told = {}
    for name, join in joined.items():
        values = [device[name] for device in devices]
        known = [value for value in values if value is not None]
        if values and len(known) == len(values):
            told[name] = round(join(known), 3)
    return told or None


def _visible(nvml: Any) -> list[Any]:
    handles = [
        nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())
    ]
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return handles
    found: list[Any] = []
    # CUDA too stops at the first name that it does not know. Its numbers are NVML's where
    # CUDA_DEVICE_ORDER is PCI_BUS_ID, and on machines whose GPUs are alike.
    for name in map(str.strip, named.split(",")):
        if name.isdecimal() and int(name) < len(handles):
            found.append(handles[int(name)])
            continue
        fits = [each for each in handles if name and nvml.nvmlDeviceGetUUID(each).startswith(name)]
        if len(fits) != 1:
            break
        found += fits
    return found


def _device(nvml: Any, handle: Any) -> dict[str, float | None]:
    def told(function: Callable[..., Any], *arguments: object) -> Any:
        with contextlib.suppress(nvml.NVMLError):
            return function(handle, *arguments)
        return None

    rates = told(nvml.nvmlDeviceGetUtilizationRates)
    # Its older form counts what the driver keeps for itself as used, unlike nvidia-smi.
    memory = told(nvml.nvmlDeviceGetMemoryInfo, nvml.nvmlMemory_v2)
    memory = memory or told(nvml.nvmlDeviceGetMemoryInfo)
    return {
        "gpuUtilization": _scaled(rates and rates.gpu, 1),
        "gpuMemoryUsed": _scaled(memory and memory.used, _MIB),
        "gpuMemoryTotal": _scaled(memory and memory.total, _MIB),
        "gpuTemperature": _scaled(
            told(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU), 1
        ),
        "powerUsage": _scaled(told(nvml.nvmlDeviceGetPowerUsage), 1000),
    }


def _scaled(value: int | None, unit: int) -> float | None:
    return None if value is None or value in _UNKNOWN else value / unit


class JobReporter:
    """Sends what is said of one job in order, from a thread of its own.

    Args:
        url: The base URL of gpuscope's HTTP API; default: GPUSCOPE_URL.
        job_id: The job; default: JOB_ID, else HOSTNAME, which is a pod's name.
        worker_id: Who works on it; default: HOSTNAME.
        token: What to authenticate with; default: GPUSCOPE_TOKEN, else what the file
            GPUSCOPE_TOKEN_FILE holds at the moment.
        restart: Whether the job begins anew, maybe by another worker than before.
        measure: Measures for reports that bring no metrics.
        waiting: Reports that wait while the service is away; beyond that the newest ones merge.
        timeout: Seconds for which an attempt to send may hear nothing.
        logger: Told what goes wrong.

    Raises:
        ValueError: When there is no URL or no job.
    """

    def __init__(
        self,
        url: str | None = None,
        job_id: str | None = None,
        *,
        worker_id: str | None = None,
        token: str | None = None,
        restart: bool = False,
        measure: Callable[[], Metrics | None] = nvml_metrics,
        waiting: int = 100,
        timeout: float = 10.0,
        logger: logging.Logger = _LOG,
    ) -> None:
        given = os.environ
        url = url or given.get("GPUSCOPE_URL", "")
        job_id = job_id or given.get("JOB_ID") or given.get("HOSTNAME")
        if not url.startswith(("http://", "https://")) or not job_id:
            raise ValueError("a reporter needs gpuscope's URL (GPUSCOPE_URL) and a job (JOB_ID)")
        job = f"{url.rstrip('/')}/api/jobs/{urllib.parse.quote(job_id, safe='')}"
        self.last: Mapping[str, Any] = {}
        """The newest answer, with timeRemaining and costSoFar where they are known."""
        self._line = _Line(job, token, timeout)
        self._drafts = _Drafts(max(1, waiting), worker_id or given.get("HOSTNAME"), restart=restart)
        self._gauge = _Gauge(measure)
        self._logger, self._told = logger, ""
        self._changed = threading.Condition()
        self._sending = self._ended = False
        self._flushing = 0
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if error is None or (isinstance(error, SystemExit) and not error.code):
            self.complete()
        else:
            self.fail(f"{type(error).__name__}: {error}")
        self.close()

    def report(
        self,
        progress: float | None = None,
        operation: str | None = None,
        *,
        metrics: Metrics | None = MEASURED,
        logs: Iterable[str | Mapping[str, str]] = (),
    ) -> None:
        """Say how far the job is; returns at once.

        Args:
            progress: In percent; None = as before. 100 completes the job.
            operation: What it is doing; None = as before.
            metrics: Numbers under the names of `nvml_metrics`; default: what that measures.
            logs: Lines, or mappings with `level` and `message`.
        """
        fields = {"progress": _number(progress), "currentOperation": operation and str(operation)}
        lines = [each if isinstance(each, Mapping) else {"message": each} for each in logs]

        def add() -> None:
            reading = self._gauge.read() if metrics is MEASURED else _Reading(_numbers(metrics))
            self._drafts.add(fields, reading)
            for line in lines:
                self._drafts.log(str(line.get("level", "info")), str(line.get("message", "")))

        self._put(add)

    def log(self, level: str, message: str) -> None:
        """Send one line: `info`, `warning` or `error`; returns at once."""
        self._put(lambda: self._drafts.log(level, str(message)))

    def restart(self, progress: float = 0, operation: str | None = None) -> None:
        """Say that the job begins anew: its progress goes back, as it does at no other time."""
        if not self._elsewhere:
            # Together: what another thread says meanwhile is not what the job goes back to.
            with self._changed:
                self._drafts.restart = True
                self.report(progress, operation)

    def complete(self, result: object = None) -> None:
        """Say that the job is done and what came of it; what is said later is not sent."""
        self._end({"status": "completed", "result": _plain(result)})

    def fail(self, error: object) -> None:
        """Say that the job has failed, and why; what is said later is not sent."""
        self._end({"status": "failed", "error": str(error)})

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until nothing waits to be sent; tell whether that is so after *timeout* seconds."""
        if self._elsewhere:
            return True
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not (self._sending or self._drafts), timeout)
            self._flushing -= 1
        return done

    def close(self, timeout: float = 10.0) -> bool:
        """Send what waits, *timeout* seconds at most; tell whether nothing was left."""
        self._ended = True
        atexit.unregister(self.close)
        return self.flush(timeout)

    @property
    def _elsewhere(self) -> bool:
        # Threads do not live on in a fork, and locks may be held there for ever.
        return os.getpid() != self._process

    def _end(self, fields: dict[str, Any]) -> None:
        self._put(lambda: self._drafts.add(fields, _Reading(None), path="complete"), ends=True)

    def _put(self, add: Callable[[], None], *, ends: bool = False) -> None:
        if self._elsewhere:
            return
        with self._changed:
            if self._ended:
                return
            self._ended = ends
            add()
            if self._thread is None and (thread := _begun(self._run)) is not None:
                self._thread = thread
                # Who forgets to close it loses nothing either.
                atexit.register(self.close)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._drafts))
                draft, self._sending = self._drafts.next(), True
            try:
                self._deliver(draft)
            except Exception:  # a defect of ours: the next one may go well
                self._logger.exception("gpuscope: a report could not be made")
            with self._changed:
                self._sending = False
                self._changed.notify_all()

    def _deliver(self, draft: "_Draft") -> None:
        tries = 0
        while True:
            try:
                self.last = self._line.send(draft)
                self._told = ""
            except _AwayError as away:
                self._tell(f"{away}; reports wait and are sent later")
                self._pause(tries, away.retry_after)
                tries += 1
                continue
            except _RefusedError as refused:
                self._tell(f"{refused}; such reports are dropped")
            return

    def _tell(self, what: str) -> None:
        if what != self._told:
            self._told = what
            self._logger.warning("gpuscope: %s", what)

    def _pause(self, tries: int, retry_after: float) -> None:
        # Full jitter: workers that lost the service together do not come back together.
        longest = min(_LONGEST_WAIT, 2.0 ** min(tries, 6))
        wait, hurried = random.uniform(0, longest), random.uniform(0, 1)  # noqa: S311 - no secret
        began = time.monotonic()
        with self._changed:
            while True:
                # While somebody waits for it: there may be no later.
                chosen = min(wait, hurried) if self._flushing else wait
                left = began + retry_after + chosen - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)


class JobLogHandler(logging.Handler):
    """Sends what a program logs as lines of its job."""

    def __init__(self, reporter: JobReporter, level: int = logging.INFO) -> None:
        super().__init__(level)
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, but for those that tell of sending."""
        if record.name == _LOG.name:
            return
        grave = record.levelno >= logging.ERROR
        level = "error" if grave else "warning" if record.levelno >= logging.WARNING else "info"
        try:
            self._reporter.log(level, self.format(record))
        except Exception:  # noqa: BLE001 - a record that cannot be formatted, as logging has it
            self.handleError(record)


class _Reading:
    """What is measured, once it is."""

    def __init__(self, *value: dict[str, float] | None) -> None:
        self.at = time.monotonic()
        self.value = value[0] if value else None
        self.done = threading.Event()
        self._patience = _MEASURED_WITHIN
        if value:
            self.done.set()

    def wait(self) -> dict[str, float] | None:
        """Return it; None when it is not there soon."""
        if not self.done.wait(self._patience):
            self._patience = 0
        return self.value


class _Gauge:
    """Measures in a thread of its own: a driver may hang, and holds up nothing else."""

    def __init__(self, measure: Callable[[], Metrics | None]) -> None:
        self._measure = measure
        self._newest: _Reading | None = None

    def read(self) -> _Reading:
        """Return what is measured now; one that is under way, or new, serves again."""
        newest = self._newest
        if newest is None or (
            newest.done.is_set() and time.monotonic() - newest.at > _MEASURED_ANEW
        ):
            newest = self._newest = _Reading()
            if _begun(self._run, newest) is None:
                newest.done.set()
        return newest

    def _run(self, reading: _Reading) -> None:
        try:
            reading.value = _numbers(self._measure())
        except Exception:  # noqa: BLE001 - whatever *measure* may raise
            _LOG.exception("gpuscope: GPUs could not be measured")
        finally:
            reading.done.set()


def _begun(run: Callable[..., None], *arguments: object) -> threading.Thread | None:
    """Return a thread that runs; None when the system has none now, as the next time it may."""
    thread = threading.Thread(target=run, args=arguments, name="gpuscope", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return None
    return thread


@dataclass(slots=True)
class _Draft:
    """One request: a report, or the end of the job."""

    at: float
    fields: dict[str, Any]
    reading: _Reading
    path: str


class _Drafts:
    """What waits to be sent, within bounds; its lock is the reporter's."""

    def __init__(self, most: int, worker: str | None, *, restart: bool) -> None:
        self.restart = restart
        self._most, self._worker = most, worker
        self._waiting: deque[_Draft] = deque()
        self._lines: deque[dict[str, str]] = deque()
        self._merged = self._lost = 0
        # Rises over processes too: what the next one says is not taken for what is known already.
        self._sequence = time.time_ns() // 1_000_000

    def __bool__(self) -> bool:
        return bool(self._waiting or self._lines)

    def add(self, fields: dict[str, Any], reading: _Reading, path: str = "progress") -> None:
        """Add one; when it is full, its newest one says more instead."""
        fields = {name: value for name, value in fields.items() if value is not None}
        draft = _Draft(time.time(), fields, reading, path)
        if path == "progress" and self.restart:
            draft.fields["restart"], self.restart = True, False
        if path == "progress" and len(self._waiting) >= self._most:
            merged = self._waiting.pop()
            draft.fields = merged.fields | draft.fields
            self._merged += 1
        self._waiting.append(draft)

    def log(self, level: str, message: str) -> None:
        """Add one line; the oldest one goes when there are too many."""
        if len(self._lines) >= _KEPT_LINES:
            self._lines.popleft()
            self._lost += 1
        self._lines.append(_line(level, message))

    def next(self) -> _Draft:
        """Take the oldest one, with the lines that there are; there is one."""
        if self._merged or self._lost:
            told = f"{self._merged} reports were merged and {self._lost} lines lost"
            self._lines.appendleft(_line("warning", f"gpuscope was away or slow: {told}"))
            self._merged = self._lost = 0
        if self._waiting and (self._waiting[0].path == "progress" or not self._lines):
            draft = self._waiting.popleft()
        else:
            # Lines without a report, before the end of the job if that waits.
            draft = _Draft(time.time(), {}, _Reading(None), "progress")
        draft.fields["workerId"] = self._worker
        if draft.path == "progress":
            self._sequence += 1
            draft.fields |= {"sequence": self._sequence, "timestamp": draft.at}
            if lines := list(self._some()):
                draft.fields["logLines"] = lines
        return draft

    def _some(self) -> Iterator[dict[str, str]]:
        size = 0
        for _ in range(min(_MOST_LINES, len(self._lines))):
            size += len(json.dumps(self._lines[0]))
            if size > _MOST_BYTES:
                return
            yield self._lines.popleft()


class _AwayError(Exception):
    """It could not be sent now."""

    def __init__(self, what: str, retry_after: float = 0) -> None:
        super().__init__(what)
        self.retry_after = retry_after


class _RefusedError(Exception):
    """It will never be taken."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows none: that would carry the token to another's service."""

    def redirect_request(self, *_: object) -> None:
        return


class _Line:
    """The way to the service."""

    def __init__(self, job: str, token: str | None, timeout: float) -> None:
        self._job, self._token, self._timeout = job, token, timeout
        self._opener = urllib.request.build_opener(_NoRedirects)

    def send(self, draft: _Draft) -> dict[str, Any]:
        """Return the answer.

        Raises:
            _AwayError: When there is none now.
            _RefusedError: When it is a refusal.
        """
        body = {name: value for name, value in draft.fields.items() if value is not None}
        if draft.path == "progress":
            body |= {"metrics": draft.reading.wait(), "sentAt": time.time()}
        url, content = f"{self._job}/{draft.path}", json.dumps(body).encode()
        try:
            request = urllib.request.Request(url, content, self._headers())  # noqa: S310 - looked at
            with self._opener.open(request, timeout=self._timeout) as answer:
                told = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise _judged(error) from None
        except (OSError, http.client.HTTPException) as error:
            raise _AwayError(f"no answer ({str(error) or type(error).__name__})") from None
        except ValueError:
            raise _AwayError("an answer that is no JSON") from None
        return told if isinstance(told, dict) else {}

    def _headers(self) -> dict[str, str]:
        """Return what goes before a request; the file of the token is read each time."""
        headers = {"Content-Type": "application/json", "User-Agent": "gpuscope-client"}
        token = self._token or os.environ.get("GPUSCOPE_TOKEN")
        file = os.environ.get("GPUSCOPE_TOKEN_FILE")
        if not token and file:
            token = Path(file).read_text(encoding="utf-8")
        if token:
            # What urllib says of a token that fits in no header would tell it.
            if not (token.strip().isascii() and token.strip().isprintable()):
                raise _RefusedError("the token has characters that no token has")
            headers["Authorization"] = f"Bearer {token.strip()}"
        return headers


def _judged(error: urllib.error.HTTPError) -> Exception:
    with contextlib.suppress(OSError, http.client.HTTPException):
        if error.code not in _TRANSIENT and error.code < _SERVER_ERRORS:
            said = error.read(300).decode(errors="replace")
            return _RefusedError(f"a report was refused with {error.code} {said!r}")
    return _AwayError(f"answered {error.code}", _retry_after(error.headers.get("Retry-After", "")))


def _retry_after(text: str) -> float:
    """Return seconds, of which there may be none: they are a number or a date."""
    try:
        seconds = (
            float(text)
            if text.isdecimal()
            else (email.utils.parsedate_to_datetime(text).timestamp() - time.time())
        )
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def _line(level: str, message: str) -> dict[str, str]:
    # Half of a surrogate pair, as file names may hold, is no text for others.
    text = message[:_MOST_MESSAGE].encode(errors="replace").decode()
    return {"level": level, "message": text, "timestamp": datetime.now(UTC).isoformat()}


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _numbers(metrics: Metrics | None) -> dict[str, float] | None:
    told = {name: _number(value) for name, value in (metrics or {}).items()}
    return {name: value for name, value in told.items() if value is not None} or None


def _plain(value: object) -> object:
    """Return *value* as JSON has it; in words where it has not."""
    try:
        return json.loads(json.dumps(value, allow_nan=False, default=_item))
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _item(value: Any) -> object:
    # A number of NumPy or PyTorch.
    return value.item() if hasattr(value, "item") else str(value)
