"""The tables of jobs, as `tables.py` has those of pools."""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, Table, Text

from queryapi.storage.tables import METADATA

_COUNTED = BigInteger().with_variant(Integer, "sqlite")

jobs = Table(
    "jobs",
    METADATA,
    Column("number", _COUNTED, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("cluster", Text, nullable=False),
    Column("namespace", Text),
    Column("anywhere", Boolean, nullable=False),
    Column("pod", Text),
    Column("owner", Text, nullable=False),
    Column("worker", Text),
    Column("bound_by", Text),
    Column("gpu_model", Text),
    Column("instance_type", Text),
    Column("pool", Text),
    Column("gpus", Integer),
    Column("status", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("attempted_at", Double),
    Column("progress", Double, nullable=False),
    Column("operation", Text),
    Column("seq", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("reported_at", Double),
    Column("ended_at", Double),
    Column("tariffs", Text, nullable=False),
    Column("steps", Text, nullable=False),
    Column("seen", Text, nullable=False),
    Column("estimated_cost", Text, nullable=False),
    Column("result", Text),
    Column("error", Text),
    Column("address", Text),
    Column("username", Text),
    Column("log_lines", BigInteger, nullable=False),
    Column("log_bytes", BigInteger, nullable=False),
    # Written by who forgets, and by nobody else.
    Column("log_forgotten", BigInteger, nullable=False),
    Column("lines_forgotten", BigInteger, nullable=False),
    Column("forgotten", BigInteger, nullable=False),
    Index("jobs_by_status", "status", "number"),
    Index("jobs_by_end", "ended_at"),
    # The number of one that was deleted is never given again: its rows may go later.
    sqlite_autoincrement=True,
)

job_events = Table(
    "job_events",
    METADATA,
    Column("job", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("progress", Double, nullable=False),
    Column("operation", Text),
    Column("utilization", Double),
    Column("memory_used", Double),
    Column("memory_total", Double),
    Column("temperature", Double),
    Column("power", Double),
    Column("source", Text, nullable=False),
    Column("remaining", Double),
    Column("recent", Double),
    Column("cost", Text),
    Column("body", Text),
    Index("job_events_by_time", "job", "at"),
    Index("job_events_by_age", "at"),
    sqlite_with_rowid=False,
)

job_logs = Table(
    "job_logs",
    METADATA,
    Column("job", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("level", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("heard", Double, nullable=False),
    Index("job_logs_by_level", "job", "level", "number"),
    Index("job_logs_by_age", "heard"),
    sqlite_with_rowid=False,
)
