"""The dashboards, a file each; rows of the large ones stand in files beside."""

from typing import Final

from grafana.builders.board import Board
from grafana.builders.boards import (
    capacity,
    device,
    fleet,
    health,
    incidents,
    jobs,
    namespaces,
    node,
    workloads,
)

BOARDS: Final[tuple[Board, ...]] = (
    fleet.BOARD,
    capacity.BOARD,
    node.BOARD,
    device.BOARD,
    incidents.BOARD,
    namespaces.BOARD,
    workloads.BOARD,
    jobs.BOARD,
    health.BOARD,
)
