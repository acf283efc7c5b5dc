"""The kubelet's answer is read as protobuf's own library writes it, and garbage is recognised."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.kubelet.messages import Response
from exporter.errors import MalformedAnswer
from exporter.node.holders import kubeletwire
from exporter.node.holders.kubeletwire import Claimed, Granted, Listing, listing
from tests.support.whole import some

# Long ones, whose length takes two bytes, by repetition: each letter drawn costs.
texts = st.text(max_size=8) | st.text(min_size=1, max_size=4).map(lambda text: 100 * text)
devices = st.fixed_dictionaries(
    {"resource_name": texts, "device_ids": st.lists(texts, min_size=1, max_size=5)},
    optional={"topology": st.just({"nodes": [{"ID": 1}, {"ID": 2**40}]})},
)
claims = st.fixed_dictionaries(
    {
        "claim_name": texts,
        "claim_resources": st.lists(
            st.fixed_dictionaries(
                {
                    "driver_name": texts,
                    "pool_name": texts,
                    "device_name": texts,
                    "share_id": texts,
                    "cdi_devices": st.just([{"name": "x"}]),
                }
            ),
            max_size=3,
        ),
    }
)
pods = st.fixed_dictionaries(
    {
        "namespace": texts,
        "name": texts,
        "containers": st.lists(
            st.fixed_dictionaries(
                {
                    "name": texts,
                    "devices": st.lists(devices, max_size=3),
                    "cpu_ids": st.lists(st.integers(0, 2**62), max_size=5),
                    "memory": st.just([{"memory_type": "memory", "size": 2**63}]),
                    "dynamic_resources": st.lists(claims, max_size=2),
                }
            ),
            max_size=3,
        ),
    }
)


@settings(max_examples=some(15, 40))
@given(st.lists(pods, max_size=4))
def test_whatever_protobuf_writes(told: list[dict[str, Any]]) -> None:
    """Everything we read comes out as it went in; the rest is passed over."""
    assert Listing(
        granted=tuple(
            Granted(
                pod["namespace"],
                pod["name"],
                container["name"],
                entry["resource_name"],
                tuple(entry["device_ids"]),
            )
            for pod in told
            for container in pod["containers"]
            for entry in container["devices"]
        ),
        claimed=tuple(
            Claimed(
                pod["namespace"],
                pod["name"],
                container["name"],
                claim["claim_name"],
                device["driver_name"],
                device["pool_name"],
                device["device_name"],
                device["share_id"],
            )
            for pod in told
            for container in pod["containers"]
            for claim in container["dynamic_resources"]
            for device in claim["claim_resources"]
        ),
    ) == listing(Response(pod_resources=told).SerializeToString())


@given(st.binary(max_size=400))
def test_whatever_bytes(body: bytes) -> None:
    """Bytes are an answer or malformed, never another error."""
    with suppress(MalformedAnswer):
        listing(body)


@settings(max_examples=some(15, 40))
@given(st.lists(pods, min_size=1, max_size=2), st.data())
def test_half_an_answer(told: list[dict[str, Any]], data: st.DataObject) -> None:
    """An answer that was cut is malformed, or what came of it whole."""
    body = Response(pod_resources=told).SerializeToString()
    whole = listing(body)
    try:
        found = listing(body[: data.draw(st.integers(0, len(body)))])
    except MalformedAnswer:
        return
    assert set(found.granted) <= set(whole.granted)


def test_fields_of_tomorrow() -> None:
    """Unknown fields of every type are passed over."""
    body = Response(pod_resources=[{"name": "a"}]).SerializeToString()
    more = b"\xf8\x07\x96\x01" + b"\xf9\x07" + b"8" * 8 + b"\xfa\x07\x01x" + b"\xfd\x07" + b"4" * 4

    assert Listing() == listing(more + body + more)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x0b", id="a group"),
        pytest.param(b"\x0a", id="no length"),
        pytest.param(b"\x0a\x05a", id="too short"),
        pytest.param(b"\x0a" + b"\xff" * 11, id="an endless number"),
        pytest.param(b"\x08\x01", id="a number for a message"),
        pytest.param(b"\x0a\x03\x0a\x01\xff", id="no UTF-8"),
    ],
)
def test_garbage(body: bytes) -> None:
    """What is no answer is said to be malformed."""
    with pytest.raises(MalformedAnswer):
        listing(body)


def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty messages, of which many go into few bytes, take no more than a bounded time."""
    most = some(1_000, kubeletwire.MOST_FIELDS)
    monkeypatch.setattr(kubeletwire, "MOST_FIELDS", most)

    assert Listing() == listing(b"\x0a\x00" * (most // 2))
    with pytest.raises(MalformedAnswer, match=f"more than {most} fields"):
        listing(b"\x0a\x00" * (most + 1))
