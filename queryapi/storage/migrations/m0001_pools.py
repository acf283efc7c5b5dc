"""Pools, their numbers and what happened to them."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None
branch_labels = depends_on = None


def upgrade() -> None:
    """Make the tables; the numbers begin at nothing."""
    op.create_table(
        "pools",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("place", sa.BigInteger, nullable=False, unique=True),
        sa.Column("cluster", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("node_types", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("selector", sa.Text, nullable=False),
        sa.Column("maintenance", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("resized_at", sa.Double, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    numbers = op.create_table(
        "numbers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(numbers, [{"name": name, "value": 0} for name in ("pool", "revision")])
    op.create_table(
        "activities",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("pool_id", sa.Text, nullable=False),
        sa.Column("pool_name", sa.Text, nullable=False),
        sa.Column("cluster", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("nodes", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("activities_by_pool", "activities", ["pool_id", "number"])
    op.create_index("activities_by_cluster", "activities", ["cluster", "number"])
    op.create_index("activities_by_time", "activities", ["at"])
