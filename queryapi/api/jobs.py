"""`/api/jobs`: what workers report of jobs, and what is told of them."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from http import HTTPStatus
from urllib.parse import quote

from flask import Blueprint, Request, Response, request

from queryapi.access.policy import Permission, permits
from queryapi.api import jobquestions
from queryapi.api.bodies import data_of
from queryapi.api.direct import Answers
from queryapi.api.endpoints.jobs import PATH
from queryapi.api.jobbodies import completion_of, draft_of, report_of
from queryapi.api.manners import Rendered, render_now, respond_now
from queryapi.api.parameters import asked
from queryapi.api.visit import Ready, Visit, visit
from queryapi.cache.bulkhead import Bulkhead, Seats
from queryapi.errors import (
    InvalidParameter,
    Overloaded,
    ResourceNotFound,
    StoreUnavailable,
    UpstreamUnavailable,
)
from queryapi.services.jobs.bounds import ID_RULE, is_job_id
from queryapi.services.jobs.model import Caller
from queryapi.services.jobs.service import Jobs
from queryapi.settings import Api

# Of the threads that answer: whoever takes a long log slowly keeps one until the end of it.
DOWNLOADS = 2
# Of a long log a search takes a second: it reads all lines.
SEARCHES = 4
_STANDING_SECONDS = 1.0
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_LENGTH = 100
_PROGRESS = "/progress"


class JobsApi:
    """The routes.

    Args:
        jobs: Reads and changes them; None = nothing is kept.
        house: Seats of whoever keeps a thread for long.
    """

    ready: Mapping[str, Ready] = {}
    """What answers without Flask: nothing."""

    def __init__(self, jobs: Jobs | None, house: Seats) -> None:
        self._known = jobs
        self._house = house
        self._downloads = Seats(DOWNLOADS)
        self._searches = Bulkhead(SEARCHES, house)

    @property
    def direct(self) -> Mapping[tuple[str, str], Answers]:
        """What is asked by every worker all the time, by method and path."""
        return {("POST", f"{PATH}/{{job_id}}{_PROGRESS}"): self._reported}

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("jobs", __name__, url_prefix=PATH)
        for path, method, answer in (
            ("", "GET", self._list),
            ("", "POST", self._create),
            ("/<job_id>", "GET", self._one),
            (f"/<job_id>{_PROGRESS}", "POST", self._progress),
            ("/<job_id>/complete", "POST", self._complete),
            ("/<job_id>/monitor", "GET", self._monitor),
            ("/<job_id>/metrics", "GET", self._metrics),
            ("/<job_id>/logs", "GET", self._logs),
        ):
            routes.add_url_rule(path, answer.__name__, answer, methods=[method])
        return routes

    @property
    def _jobs(self) -> Jobs:
        if self._known is None:
            raise StoreUnavailable("no database is configured: set database_url", retry_after=None)
        return self._known

    def _progress(self, job_id: str) -> Response:  # noqa: ARG002 - the path has it
        return self._reported(request, visit()).response()

    def _reported(self, request: Request, visit: Visit) -> Rendered:
        job_id = request.path.removeprefix(f"{PATH}/").removesuffix(_PROGRESS)
        report = report_of(data_of(request))
        told = self._jobs.report(_to_write(job_id), report, _caller_of(visit))
        return render_now(told, request.headers.get("Accept-Encoding"))

    def _complete(self, job_id: str) -> Response:
        completion = completion_of(data_of(request))
        return respond_now(self._jobs.complete(_to_write(job_id), completion, _caller()))

    def _create(self) -> Response:
        told = self._jobs.create(draft_of(data_of(request)), _caller())
        place = f"{PATH}/{quote(told.job.id, safe='')}"
        return respond_now(told, status=HTTPStatus.CREATED, headers=[("Location", place)])

    def _list(self) -> Response:
        return respond_now(self._jobs.list(jobquestions.jobs_of(asked()), _caller()))

    def _one(self, job_id: str) -> Response:
        return respond_now(self._jobs.one(_to_read(job_id), _caller()))

    def _monitor(self, job_id: str) -> Response:
        return respond_now(self._jobs.monitor(_to_read(job_id), _caller()))

    def _metrics(self, job_id: str) -> Response:
        window = jobquestions.window_of(asked())
        return respond_now(self._jobs.metrics(_to_read(job_id), window, _caller()))

    def _logs(self, job_id: str) -> Response:
        query = asked()
        which = jobquestions.logs_of(query)
        if not jobquestions.is_text(query):
            with nullcontext() if which.search is None else self._searching():
                return respond_now(self._jobs.logs(_to_read(job_id), which, _caller()))
        text = self._jobs.log_text(_to_read(job_id), which, _caller())
        name = _UNSAFE.sub("_", job_id)[:_NAME_LENGTH]
        # Nobody would end what a HEAD begins.
        pieces = () if request.method == "HEAD" else self._seated(text)
        answer = Response(pieces, mimetype="text/plain")
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}.log"'
        return answer

    @contextmanager
    def _searching(self) -> Iterator[None]:
        try:
            self._searches.take(_STANDING_SECONDS)
        except UpstreamUnavailable as error:
            raise Overloaded(
                "too many logs are being searched: try again", retry_after=2
            ) from error
        try:
            yield
        finally:
            self._searches.give_back()

    def _seated(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Return *pieces*, of a reader who has a seat until they are taken."""
        for seats, free in ((self._downloads, None), (self._house, self._downloads)):
            if not seats.take():
                if free is not None:
                    free.give_back()
                raise Overloaded("too many logs are being downloaded: try again", retry_after=5)
        return _Held(pieces, self._downloads, self._house)


class _Held(Iterator[bytes]):
    """Pieces that are sent while seats are taken; whoever sends them closes it."""

    def __init__(self, pieces: Iterator[bytes], *seats: Seats) -> None:
        self._pieces = pieces
        self._seats = seats

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Leave the seats."""
        seats, self._seats = self._seats, ()
        for each in seats:
            each.give_back()


def _caller() -> Caller:
    return _caller_of(visit())


def _caller_of(visit: Visit) -> Caller:
    principal = visit.principal
    operates = permits(principal.role, Permission.OPERATE, Api.JOBS)
    return Caller(principal.name, principal.scope, operates, visit.client)


def _to_write(job_id: str) -> str:
    if not is_job_id(job_id):
        raise InvalidParameter(f"the job's id {ID_RULE}")
    return job_id


def _to_read(job_id: str) -> str:
    if not is_job_id(job_id):
        raise ResourceNotFound("Job not found")
    return job_id
