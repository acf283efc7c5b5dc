"""gpuscope itself: whether what all other dashboards show is there, fresh and whole."""

from typing import Final

from grafana.builders import variables
from grafana.builders.alerts import firing_table
from grafana.builders.board import Board, Row
from grafana.builders.boards import health_exporters, health_services, health_stores
from grafana.builders.queries import firing

BOARD: Final = Board(
    uid="gpu-health",
    title="gpuscope health",
    description="Whether what all other dashboards show is there, fresh and whole.",
    variables=(variables.cluster(),),
    rows=(
        Row("Now", health_exporters.AVAILABILITY),
        Row("Alerts", (firing_table('category="telemetry"'),)),
        Row("Objectives of 30 days", health_services.objectives()),
        Row("Readings of devices", health_exporters.READINGS),
        Row("Collectors of node exporters", health_exporters.COLLECTORS, collapsed=True),
        Row("Cluster exporters", health_exporters.CLUSTER_EXPORTERS, collapsed=True),
        Row("Query API", health_services.REQUESTS),
        Row("What the query API asks", health_services.UPSTREAM, collapsed=True),
        Row("WebSockets", health_stores.STREAM, collapsed=True),
        Row("Prometheus", health_stores.STORES, collapsed=True),
    ),
    annotations=(firing('category="telemetry"'),),
)
