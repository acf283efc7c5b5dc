"""Why a series that must be there is not, and what to do about it."""

from collections.abc import Sequence

from queryapi.commands.diagnosis.reader import Measured, Reader
from queryapi.promql.series import Series, Source
from queryapi.promql.text import Matcher, quote, selector

_SHOWN = 5
_REMEDIES = {
    Source.RULES: "add prometheus/rules/*.yml to rule_files of this Prometheus, and reload it",
    Source.NATIVELINK: "let NativeLink (0.7.9 or newer; for workers 1.6.5) send its metrics"
    " here, by OTLP or through a collector",
    Source.CLUSTER: "run gpuscope-exporter cluster and add it to the scrape targets",
    Source.NODE: "run gpuscope-exporter node on every GPU node and add it to the scrape targets",
}


def remedy(source: Source) -> str:
    """Return what to do where a series is missing or old altogether."""
    return _REMEDIES[source]


def explanation(
    reader: Reader,
    series: Series,
    matchers: Sequence[Matcher],
    *,
    now: float,
    loaded: bool,
) -> str:
    """Return why *series* is missing and what to do, in a sentence.

    Args:
        reader: Reads the Prometheus.
        series: Not found by *matchers*.
        matchers: What selects the cluster.
        now: Unix time of the Prometheus.
        loaded: Whether a rule of that name is loaded.
    """
    # The label that sets it apart from its like elsewhere is the usual mistake: looked for first.
    elsewhere = _elsewhere(reader, series, matchers)
    if elsewhere:
        wanted = ", ".join(map(str, matchers))
        return (
            f"it exists with {elsewhere}, not with {wanted}: where that is this cluster, give its"
            " scrape targets these labels or set `matchers`; where it is another,"
            f" {remedy(_teller(series))}"
        )
    told = selector(series.name, *matchers)
    last = reader.value(f"max(max_over_time(timestamp({told})[1h:1m]))")
    seen = "" if last is None else f"last seen {(now - last) / 60:.0f} min ago: "
    if loaded:
        return f"{seen}its rule is loaded and finds nothing: {remedy(_teller(series))}"
    return f"{seen}{remedy(series.source)}"


def _teller(series: Series) -> Source:
    """Return who must be there first: rules record what the exporter tells."""
    return Source.CLUSTER if series.source is Source.RULES else series.source


def _elsewhere(reader: Reader, series: Series, matchers: Sequence[Matcher]) -> str:
    labels = [matcher.label for matcher in matchers]
    found = reader.vector(f"count by ({','.join(labels)}) ({selector(series.name)})")
    shown = " or ".join(sorted(_labelled(one, labels) for one in found)[:_SHOWN])
    return shown + (" and others" if len(found) > _SHOWN else "")


def _labelled(found: Measured, labels: Sequence[str]) -> str:
    named = (
        f"{label}={quote(found.labels[label])}" if found.labels.get(label) else f"no {label}"
        for label in labels
    )
    return ", ".join(named)
