"""The tables as this version of gpuscope wants them, and which migrations make them.

Lists and mappings are JSON in a text: nobody asks for what is in them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    select,
)

REVISIONS = ("0001", "0002", "0003")
"""The migrations, in their order; the last one makes what is below."""

POOL, REVISION = "pool", "revision"
"""Names of numbers: that of the pool created last, and of the pools' last write."""

METADATA = MetaData()

pools = Table(
    "pools",
    METADATA,
    Column("id", Text, primary_key=True),
    # The order of creation, whatever the clock did.
    Column("place", BigInteger, nullable=False, unique=True),
    Column("cluster", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("node_types", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("selector", Text, nullable=False),
    Column("maintenance", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("resized_at", Double, nullable=False),
    Column("version", BigInteger, nullable=False),
)

numbers = Table(
    "numbers",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
REVISION_NOW = select(numbers.c.value).where(numbers.c.name == REVISION)
"""Asks for the pools' last write."""

activities = Table(
    "activities",
    METADATA,
    # SQLite numbers by itself only what is INTEGER; it holds as much as a BIGINT.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("pool_id", Text, nullable=False),
    Column("pool_name", Text, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Column("nodes", Text, nullable=False),
    Index("activities_by_pool", "pool_id", "number"),
    Index("activities_by_cluster", "cluster", "number"),
    Index("activities_by_time", "at"),
    # The number of one that was deleted is never given again.
    sqlite_autoincrement=True,
)

conditions = Table(
    "conditions",
    METADATA,
    Column("pool_id", Text, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("candidate", Text),
    Column("candidate_since", Double),
    Column("first_seen", Double, nullable=False),
    Column("name", Text, nullable=False),
    Column("joined", Integer, nullable=False),
    Column("activated", Boolean, nullable=False),
    Column("flagged", Boolean, nullable=False),
)

members = Table(
    "members",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("pool_id", Text, nullable=False),
    Column("instance_type", Text, nullable=False),
    Column("cordoned", Boolean, nullable=False),
    Column("missing_since", Double),
)

answers = Table(
    "answers",
    METADATA,
    Column("actor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("pool_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", Double, nullable=False),
    Index("answers_by_time", "at"),
)

leases = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Double, nullable=False),
)
