"""Pods as a fleet knows them from a scripted API server."""

import threading

from exporter.cluster.fleet import Fleet
from exporter.cluster.intake import Intake
from exporter.cluster.objects import pods, wire
from exporter.exposition import Page
from tests.support.scrape import Scrape


class FollowedPods:
    """A fleet, and the intake that feeds its pods."""

    def __init__(self) -> None:
        self.fleet = Fleet(lambda: 0.0)
        self.intake = Intake(
            "pods",
            convert=lambda raw: pods.from_wire(wire.decode(raw, wire.POD)),
            put=self.fleet.put_pod,
            drop=self.fleet.drop_pod,
            replace=self.fleet.replace_pods,
            lock=threading.Lock(),
        )

    @property
    def names(self) -> list[str]:
        """The pods published now."""
        told = Scrape(Page(self.fleet.blocks()).body)
        return [line.split('pod="')[1].split('"')[0] for line in told.of("gpu_pod_info")]
