"""The real-time API, and the list of clusters that it knows."""

from queryapi.access.policy import Permission
from queryapi.api import examples
from queryapi.api.endpoints.endpoint import GUARDED_PROBLEMS, READ_PROBLEMS, Endpoint, Parameter
from queryapi.api.envelope import Enveloped
from queryapi.services.clusters import Clusters
from queryapi.services.realtimeanswers import RunningTasks, Status
from queryapi.settings import Api

_CLUSTER = Parameter("cluster", "Name of the cluster.", required=True, example="prod-cluster")

REALTIME: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/api/v1/realtime/status",
        Api.REALTIME,
        Permission.READ,
        "The state of a cluster in numbers.",
        Enveloped[Status],
        (
            _CLUSTER,
            Parameter(
                "include",
                "Lists to include, repeated or separated by commas; unknown words are ignored.",
                repeated=True,
                words=("nodes", "alerts", "events"),
                example="nodes",
            ),
        ),
        READ_PROBLEMS,
        aged=True,
        example=examples.STATUS,
    ),
    Endpoint(
        "GET",
        "/api/v1/realtime/running-tasks",
        Api.REALTIME,
        Permission.READ,
        "The GPU pods that are running.",
        Enveloped[RunningTasks],
        (
            _CLUSTER,
            Parameter("namespace", "Only the tasks of this namespace.", example="ml-team"),
        ),
        READ_PROBLEMS,
        aged=True,
        example=examples.RUNNING_TASKS,
    ),
    Endpoint(
        "GET",
        "/api/v1/clusters",
        Api.REALTIME,
        Permission.READ,
        "The clusters that the caller may see, and whether what is told of each is current.",
        Clusters,
        problems=GUARDED_PROBLEMS,
        example=examples.CLUSTERS,
    ),
)
