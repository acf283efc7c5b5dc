"""What Prometheus cannot hold, in SQL: SQLite by default, PostgreSQL for several processes."""
