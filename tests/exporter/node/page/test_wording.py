"""Promises of how the landing page says much in few words."""

from exporter.node.page.wording import folded, ranges


def test_neighbours_are_a_range() -> None:
    """Devices 0 to 3 and 7 are five numbers in two words."""
    assert "0-3,7" == ranges([7, 0, 1, 3, 2])
    assert "" == ranges([])


def test_what_differs_in_its_last_number_is_one_question() -> None:
    """A field of 18 links is one question."""
    asked = ["ENERGY 1", "NumFans", *(f"Counter 0 1 {each}" for each in (3, 6, 4)), "ENERGY 2"]

    assert "ENERGY 1-2, NumFans, Counter 0 1 3-4,6" == folded(asked)
