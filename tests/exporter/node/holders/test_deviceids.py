"""Every form of device id in use is understood, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.node.holders.deviceids import Found, Index
from exporter.node.holding import Part, Place

PLACES = (
    Place("GPU-a", index=0, minor=1),
    Place(
        "GPU-b",
        index=1,
        minor=0,
        parts=(Part("MIG-x", 1, 0, index=0), Part("MIG-y", 5, 0, index=3)),
    ),
    Place("GPU-c", index=2),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("GPU-a", Found(("GPU-a", None))),
        ("GPU-a::3", Found(("GPU-a", None), "3")),
        ("MIG-y", Found(("GPU-b", 5))),
        ("MIG-x::0", Found(("GPU-b", 1), "0")),
        ("MIG-GPU-b/5/0", Found(("GPU-b", 5))),
        ("nvidia1", Found(("GPU-a", None))),
        ("nvidia0", Found(("GPU-b", None))),
        ("nvidia0/gi1", Found(("GPU-b", 1))),
        ("nvidia1/vgpu2", Found(("GPU-a", None), "2")),
        ("nvidia0/gi5/vgpu0", Found(("GPU-b", 5), "0")),
        ("0", Found(("GPU-a", None))),
        ("1:3", Found(("GPU-b", 5))),
        ("2::1", Found(("GPU-c", None), "1")),
        ("GPU-d", None),
        ("GPU-a::", None),
        ("::1", None),
        ("nvidia2", None),  # the minor number of the third is not known: its index is no guess
        ("nvidia0/gi2", None),
        ("nvidia0/vgpu", None),
        ("1:1", None),
        ("MIG-GPU-b/5", None),
        ("00", None),
        ("", None),
    ],
)
def test_forms(text: str, found: Found | None) -> None:
    """UUIDs, old MIG names, shares, device files and indices name what is there."""
    assert found == Index(PLACES).find(text)


@given(
    st.text()
    | st.from_regex(r"(GPU-[abd]|MIG-[xyz]|nvidia[0-3]|[0-3])(/gi[0-9])?((::|/vgpu|:)[0-9])?")
)
def test_any_text(text: str) -> None:
    """No text is an error, and none names a device that is not there."""
    found = Index(PLACES).find(text)
    there = {(place.uuid, None) for place in PLACES} | {
        (place.uuid, part.gpu_instance) for place in PLACES for part in place.parts
    }
    assert found is None or found.device in there


def test_a_name_of_two() -> None:
    """What two devices are called, as while the driver enumerates anew, names neither."""
    index = Index((Place("GPU-a", 0), Place("GPU-b", 0)))

    assert (None, Found(("GPU-b", None))) == (index.find("0"), index.find("GPU-b"))
