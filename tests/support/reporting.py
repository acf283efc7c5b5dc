"""What workers tell in tests, and an intake that takes it in."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from msgspec.structs import replace

from queryapi.services.jobs.ingesting.around import Around
from queryapi.services.jobs.ingesting.creating import Rules
from queryapi.services.jobs.ingesting.decision import Decision
from queryapi.services.jobs.ingesting.intake import Announce, Intake
from queryapi.services.jobs.ingesting.reporting import reported
from queryapi.services.jobs.model import Caller, Line, Report
from queryapi.storage import jobevents, joblogs, jobs
from queryapi.storage.engine import Store
from queryapi.storage.jobrecords import Event, Job, LogLine, Sample, Tariff
from queryapi.telemetry.ingesting import Ingested

ANN = Caller("token:ann")
RULES = Rules(auto_register=True, default_cluster="main")
CREATED = 10_000.0
JOB = Job(number=1, id="job-1", cluster="main", owner=ANN.name, created_at=CREATED)


@dataclass(frozen=True, slots=True)
class Known:
    """What a test knows of jobs besides: one price for all, and where some are."""

    price: str | None = None
    pods: Mapping[str, str] = field(default_factory=dict)
    sample: Sample | None = None

    def now(self, job: Job, at: float) -> tuple[Tariff, ...]:
        """Return the one price, from the job's start on."""
        if job.tariffs or self.price is None:
            return job.tariffs
        return (Tariff(at if job.started_at is None else job.started_at, self.price),)

    def placed(self, job: Job) -> Job:
        """Return the job with the namespace of its pod."""
        namespace = self.pods.get(job.id)
        return job if namespace is None else replace(job, pod=job.id, namespace=namespace)

    def measured(self, _job: Job) -> Sample | None:
        """Return what Prometheus has of every job."""
        return self.sample


NOTHING = Known()


def after(
    job: Job, report: Report, now: float = CREATED, *, caller: Caller = ANN, known: Known = NOTHING
) -> Decision:
    """Return what a report comes to."""
    return reported(job, report, caller, Around(now, known, known))


def line(message: str, at: float | None = None) -> Line:
    """Return a line of level info."""
    return Line("info", message, at)


def _nobody(_changed: Mapping[str, int]) -> None:
    """Tell nobody."""


@contextmanager
def intake(
    store: Store, *, announce: Announce = _nobody, ingested: Ingested | None = None,
    known: Known = NOTHING, rules: Rules = RULES,
) -> Iterator[Intake]:  # fmt: skip
    """Give an intake that is closed in the end."""
    made = Intake(store, rules, prices=known, places=known, announce=announce, ingested=ingested)
    with closing(made):
        yield made


@dataclass(frozen=True, slots=True)
class Story:
    """All that is stored of a job."""

    job: Job
    events: tuple[Event, ...]
    lines: tuple[LogLine, ...]

    @property
    def frames(self) -> list[int]:
        """The numbers of its frames, in order."""
        return sorted({it.seq for it in self.events} | {it.seq for it in self.lines})

    @property
    def messages(self) -> list[str]:
        """What it has logged, in order."""
        return [it.message for it in self.lines]


def story(store: Store, job_id: str) -> Story:
    """Return all that is stored of a job."""
    with store.reading() as session:
        job = jobs.one(session, job_id)
        assert job is not None
        events = jobevents.after(session, job.number, 0, limit=100_000)
        return Story(job, events, joblogs.after(session, job.number, 0, limit=100_000))
