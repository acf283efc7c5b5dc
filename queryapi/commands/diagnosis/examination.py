"""Looks at everything that the answers about one cluster stand on."""

from collections.abc import Callable, Iterator

from queryapi.commands.diagnosis import absence, instruments
from queryapi.commands.diagnosis.findings import Diagnosis, Finding, Level
from queryapi.commands.diagnosis.reader import Reader, ReadFailed, Rule
from queryapi.promql.selection import Selection
from queryapi.promql.series import (
    EVALUATED_AT,
    KNOWN_AT,
    SCRAPED_AT,
    SERIES,
    Series,
    Source,
)
from queryapi.promql.text import Matcher, selector
from queryapi.settings import Cluster, Settings

_SKEW_SECONDS = 5.0
_LONGEST_SECONDS = 10**9
_SHOWN = 10
_LENGTH_SHOWN = 200
# As in prometheus/alerts: what the exporters' scrape jobs are called.
_EXPORTERS = Matcher("job", "=~", "gpu-node|gpu-cluster")
# What prometheus/rules/adapters record of clusters that others' exporters tell of.
_ADAPTED = "adapter:kubernetes_nodes:count"
_UNTOLD = (
    "kube-state-metrics and dcgm-exporter do not tell it; gpuscope's own exporters do"
    " (docs/migration.md)"
)
# What an old moment among the recorded ones means.
_MOMENTS = {
    EVALUATED_AT: "Prometheus evaluates the rules late or not at all: see its own metrics and log",
    SCRAPED_AT: "the cluster exporter is not scraped: see the targets",
    KNOWN_AT: "the cluster exporter has lost its API server: see its /readyz",
}


class Examination:
    """One cluster at one Prometheus.

    Args:
        cluster: Its settings.
        settings: How old data may be.
        reader: Reads the Prometheus.
        clock: Unix seconds.
    """

    def __init__(
        self, cluster: Cluster, settings: Settings, reader: Reader, clock: Callable[[], float]
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._reader = reader
        self._clock = clock
        self._matchers = Selection.of(cluster.labels).cluster
        # What Prometheus' clock is ahead of ours.
        self._ahead = 0.0

    def diagnosis(self, url: str) -> Diagnosis:
        """Return all findings; the first failure to read ends them."""
        findings: list[Finding] = []
        try:
            findings.extend(self._findings())
        except ReadFailed as error:
            findings.append(Finding(Level.PROBLEM, "reading it", str(error)))
        return Diagnosis(self._cluster.name, url, tuple(findings))

    def _findings(self) -> Iterator[Finding]:
        yield from self._reached()
        if self._cluster.source == "nativelink":
            now = self._clock() + self._ahead
            yield from instruments.findings(self._reader, self._matchers, now=now)
        else:
            yield from self._exporters()

    def _exporters(self) -> Iterator[Finding]:
        """Tell of what the exporters tell and the rules record."""
        yield from self._clusters()
        yield from self._targets()
        rules = self._reader.rules()
        recorded = {rule.name for rule in rules or () if rule.type == "recording"}
        yield from _rules(rules)
        adapted = self._number(_ADAPTED)
        if adapted is not None or _ADAPTED in recorded:
            yield _adapters(adapted)
        # Where it is not told which rules there are, nothing is known to be untold.
        untold = _untold(recorded) if adapted is not None and rules is not None else set()
        newest = {series.name: self._newest(series.name) for series in SERIES}
        for series in SERIES:
            at = newest[series.name]
            if at is not None:
                yield self._present(series, at)
            elif series.name in untold:
                yield Finding(Level.NOTE, series.name, f"missing: {_UNTOLD}")
            else:
                yield self._absent(series, recorded)
        for name, meaning in _MOMENTS.items():
            yield from self._moment(name, meaning)

    def _reached(self) -> Iterator[Finding]:
        asked = self._clock()
        there = self._reader.value("vector(time())")
        now = self._clock()
        if there is None:
            raise ReadFailed("it does not even tell the time: is prometheus_url its base URL?")
        version = self._reader.version()
        which = f"version {version}" if version else "it does not tell its version"
        yield Finding(Level.OK, "reachable", f"{which}; answered in {(now - asked) * 1000:.0f} ms")
        self._ahead = there - (asked + now) / 2
        if abs(self._ahead) - (now - asked) / 2 <= _SKEW_SECONDS:
            yield Finding(Level.OK, "clock", "agrees with this machine's")
            return
        side = "ahead of" if self._ahead > 0 else "behind"
        yield Finding(
            Level.PROBLEM,
            "clock",
            f"{_seconds(abs(self._ahead))} {side} this machine's: let both follow the same time"
            " server",
        )

    def _clusters(self) -> Iterator[Finding]:
        told = selector(EVALUATED_AT, *self._matchers)
        names = [
            found.labels.get("cluster", "")
            for found in self._reader.vector(f"count by (cluster) ({told})")
        ]
        if len(names) > 1:
            shown = ", ".join(sorted(names)[:_SHOWN])
            yield Finding(
                Level.PROBLEM,
                "matchers",
                f"they select {len(names)} clusters ({shown}): make `matchers` of this cluster"
                " name one",
            )

    def _targets(self) -> Iterator[Finding]:
        up = self._reader.vector(selector("up", _EXPORTERS, *self._matchers))
        down = [found.labels for found in up if found.value == 0]
        for labels in down[:_SHOWN]:
            yield Finding(
                Level.PROBLEM,
                "target",
                f"{labels.get('job', '')} at {labels.get('instance', '')} is down: see the runbook,"
                " GpuExporterDown",
            )
        if len(down) > _SHOWN:
            yield Finding(Level.PROBLEM, "target", f"{len(down) - _SHOWN} more are down")
        if not up:
            yield Finding(
                Level.NOTE,
                "targets",
                "no job gpu-node or gpu-cluster with this cluster's labels is scraped here: right"
                " where series come from another Prometheus, or jobs have other names",
            )
        elif not down:
            yield Finding(Level.OK, "targets", f"{len(up)} exporters are up")

    def _newest(self, name: str) -> float | None:
        return self._reader.value(f"max(timestamp({selector(name, *self._matchers)}))")

    def _number(self, name: str) -> float | None:
        return self._reader.value(f"max({selector(name, *self._matchers)})")

    def _present(self, series: Series, at: float) -> Finding:
        age = max(0.0, self._clock() + self._ahead - at)
        if age <= self._settings.cache.lag:
            return Finding(Level.OK, series.name, f"{_seconds(age)} old")
        level = Level.PROBLEM if series.needed else Level.NOTE
        return Finding(
            level,
            series.name,
            f"{_seconds(age)} old, more than cache.lag: {absence.remedy(series.source)}",
        )

    def _absent(self, series: Series, recorded: set[str]) -> Finding:
        if not series.needed:
            number = self._number(series.with_any) if series.with_any else 0.0
            if number is None:
                return Finding(Level.NOTE, series.name, f"missing, as {series.with_any} is")
            if number == 0:
                return Finding(Level.NOTE, series.name, f"missing: {series.otherwise}")
        why = absence.explanation(
            self._reader,
            series,
            self._matchers,
            now=self._clock() + self._ahead,
            loaded=series.name in recorded,
        )
        return Finding(Level.PROBLEM, series.name, f"missing: {why}")

    def _moment(self, name: str, meaning: str) -> Iterator[Finding]:
        at = self._reader.value(f"min({selector(name, *self._matchers)})")
        age = 0.0 if at is None else self._clock() + self._ahead - at
        if age > self._settings.cache.lag:
            yield Finding(
                Level.PROBLEM, "data", f"{_seconds(age)} old, more than cache.lag: {meaning}"
            )


def _seconds(span: float) -> str:
    """Return a span in words; what a server says may be any number."""
    return f"{span:.0f} s" if span <= _LONGEST_SECONDS else f"over {_LONGEST_SECONDS} s"


def _adapters(nodes: float | None) -> Finding:
    if nodes is None:
        return Finding(
            Level.NOTE,
            "adapters",
            "loaded, and silent: right where gpuscope-exporter cluster tells of this cluster; else"
            " scrape kube-state-metrics with the cluster's label (docs/migration.md)",
        )
    text = f"kube-state-metrics tells of {nodes:.0f} nodes in place of gpuscope-exporter cluster"
    return Finding(Level.OK, "adapters", text)


def _untold(recorded: set[str]) -> set[str]:
    """Return what exporters tell and no adapter records."""
    exporters = (Source.CLUSTER, Source.NODE)
    return {series.name for series in SERIES if series.source in exporters} - recorded


def _rules(rules: tuple[Rule, ...] | None) -> Iterator[Finding]:
    ours = {series.name for series in SERIES if series.source is Source.RULES}
    recorded = {rule.name for rule in rules or () if rule.type == "recording"}
    for rule in rules or ():
        if rule.name in ours and rule.health == "err":
            yield Finding(Level.PROBLEM, f"rule {rule.name}", rule.error[:_LENGTH_SHOWN])
    if rules is None:
        yield Finding(Level.NOTE, "rules", "it does not tell which it evaluates")
    elif ours <= recorded:
        yield Finding(Level.OK, "rules", f"all {len(ours)} that are read are loaded")
    else:
        yield Finding(
            Level.NOTE,
            "rules",
            f"{len(ours - recorded)} of {len(ours)} that are read are not loaded here: right where"
            " others record them",
        )
