"""Buckets as Prometheus reads them."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Histogram as TheirHistogram
from prometheus_client.parser import text_string_to_metric_families

from exporter.catalogue import Family, Kind, Role
from exporter.exposition import render
from exporter.histogram import Histogram

PLAIN = Family("gpu_test_seconds", "A test.", (), Role.CLUSTER, Kind.HISTOGRAM)
LABELLED = Family("gpu_test_seconds", "A test.", ("queue",), Role.CLUSTER, Kind.HISTOGRAM)


def test_a_value_on_a_bound_is_in_its_bucket() -> None:
    """Buckets are cumulative and their bounds belong to them; the last has none."""
    histogram = Histogram((1, 2.5))
    for value in (0.5, 1, 1.5, 7):
        histogram.observe(value)

    assert (
        'gpu_test_seconds_bucket{le="1.0"} 2\n'
        'gpu_test_seconds_bucket{le="2.5"} 3\n'
        'gpu_test_seconds_bucket{le="+Inf"} 4\n'
        "gpu_test_seconds_count 4\n"
        "gpu_test_seconds_sum 10\n"
    ) == histogram.lines(PLAIN)


def test_nothing_observed_yet() -> None:
    """A histogram is there from the start, so that its first value is an increase."""
    assert (
        'gpu_test_seconds_bucket{queue="a",le="1.0"} 0\n'
        'gpu_test_seconds_bucket{queue="a",le="+Inf"} 0\n'
        'gpu_test_seconds_count{queue="a"} 0\n'
        'gpu_test_seconds_sum{queue="a"} 0\n'
    ) == Histogram((1,)).lines(LABELLED, ("a",))


def understood(text: str) -> list[Any]:
    """Return what Prometheus' own parser makes of a page, but when their series were created."""
    return [
        (family.name, family.documentation, family.type, family.samples)
        for family in text_string_to_metric_families(text)
        if not family.name.endswith("_created")
    ]


@given(
    st.sets(st.floats(1e-3, 9e5), min_size=1, max_size=6).map(sorted),
    st.lists(st.floats(0, 1e6) | st.integers(0, 100)),
    st.text(min_size=1),
)
def test_the_reference_writes_the_same(
    bounds: list[float], values: list[float], queue: str
) -> None:
    """Read by the reference's parser, a page of ours equals one of its own."""
    registry = CollectorRegistry()
    theirs = TheirHistogram(
        PLAIN.name, PLAIN.help, LABELLED.labels, buckets=bounds, registry=registry
    )
    ours = Histogram(bounds)
    for value in values:
        ours.observe(value)
        theirs.labels(queue).observe(value)
    theirs.labels(queue)

    page = render(LABELLED, [ours.lines(LABELLED, (queue,))])

    assert understood(generate_latest(registry).decode()) == understood(page.decode())


@pytest.mark.parametrize(
    "bounds", [(2, 1), (1, 1), (0, 1), (-1,), (1e6,), (math.nan,), (math.inf,)]
)
def test_bounds_that_cannot_be(bounds: tuple[float, ...]) -> None:
    """Bounds that do not rise, or that would be spelled differently, are refused at once."""
    with pytest.raises(ValueError, match="write rising bounds"):
        Histogram(bounds)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_observed(value: float) -> None:
    """One such value would make the sum useless for ever."""
    histogram = Histogram((1,))

    with pytest.raises(ValueError, match="cannot be observed"):
        histogram.observe(value)

    assert 0 == histogram.count
