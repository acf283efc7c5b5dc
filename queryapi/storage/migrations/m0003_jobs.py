"""Jobs: what they are, what was told of them, what they have logged."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"
branch_labels = depends_on = None

_COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _jobs()
    _told()


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("number", _COUNTED, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("cluster", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text),
        sa.Column("anywhere", sa.Boolean, nullable=False),
        sa.Column("pod", sa.Text),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("worker", sa.Text),
        sa.Column("bound_by", sa.Text),
        sa.Column("gpu_model", sa.Text),
        sa.Column("instance_type", sa.Text),
        sa.Column("pool", sa.Text),
        sa.Column("gpus", sa.Integer),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("attempted_at", sa.Double),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("operation", sa.Text),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("reported_at", sa.Double),
        sa.Column("ended_at", sa.Double),
        sa.Column("tariffs", sa.Text, nullable=False),
        sa.Column("steps", sa.Text, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("estimated_cost", sa.Text, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("address", sa.Text),
        sa.Column("username", sa.Text),
        sa.Column("log_lines", sa.BigInteger, nullable=False),
        sa.Column("log_bytes", sa.BigInteger, nullable=False),
        sa.Column("log_forgotten", sa.BigInteger, nullable=False),
        sa.Column("lines_forgotten", sa.BigInteger, nullable=False),
        sa.Column("forgotten", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("jobs_by_status", "jobs", ["status", "number"])
    op.create_index("jobs_by_end", "jobs", ["ended_at"])


def _told() -> None:
    op.create_table(
        "job_events",
        sa.Column("job", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("operation", sa.Text),
        sa.Column("utilization", sa.Double),
        sa.Column("memory_used", sa.Double),
        sa.Column("memory_total", sa.Double),
        sa.Column("temperature", sa.Double),
        sa.Column("power", sa.Double),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("remaining", sa.Double),
        sa.Column("recent", sa.Double),
        sa.Column("cost", sa.Text),
        sa.Column("body", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("job_events_by_time", "job_events", ["job", "at"])
    op.create_index("job_events_by_age", "job_events", ["at"])
    op.create_table(
        "job_logs",
        sa.Column("job", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("heard", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("job_logs_by_level", "job_logs", ["job", "level", "number"])
    op.create_index("job_logs_by_age", "job_logs", ["heard"])
