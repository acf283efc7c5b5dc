"""The price of an hour of a node, from what somebody has written on it."""

from collections.abc import Mapping

import pytest

from exporter.cluster.objects.nodes import Reading
from tests.support.objects import node
from tests.support.scrape import Relay, scrape

PRICE = "gpuscope.io/price-per-hour"
OWN = Reading(price=("example.com/cost", PRICE))


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (["32.77"], "32.77"),
        (["0"], "0"),
        (["8"], "8."),
        (["0.5"], " .5 "),
        (["12.5"], "1.25e1"),
        ([], "-1"),
        ([], "nan"),
        ([], "inf"),
        ([], "1e999"),
        ([], "1_000"),
        ([], "3 USD"),
        ([], "٣"),
        ([], ""),
    ],
)
def test_only_a_finite_number_from_zero_on_is_a_price(expected: list[str], text: str) -> None:
    """Of whatever else stands there, no sample is made: no price is no zero."""
    told = scrape(node(labels={PRICE: text})).of("gpu_node_hourly_price")

    assert [f'gpu_node_hourly_price{{node="n1"}} {price}' for price in expected] == told


@pytest.mark.parametrize(
    ("expected", "labels", "annotations"),
    [
        ("1", {PRICE: "1"}, {PRICE: "2"}),
        ("2", {}, {PRICE: "2"}),
        ("3", {PRICE: "1"}, {"example.com/cost": "3"}),
    ],
)
def test_where_a_price_may_stand(
    expected: str, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> None:
    """In a label or an annotation; of several names the first that is there decides."""
    told = Relay(OWN).put(node(labels=labels, annotations=annotations)).scrape()

    assert [f'gpu_node_hourly_price{{node="n1"}} {expected}'] == told.of("gpu_node_hourly_price")


def test_a_node_without_a_price_has_none() -> None:
    """It has no sample, and not one of 0."""
    assert [] == scrape(node()).of("gpu_node_hourly_price")
