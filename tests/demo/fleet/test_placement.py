"""Promises of the demo's first fit."""

from hypothesis import given
from hypothesis import strategies as st

from demo.fleet.placement import WHOLE, Machine, Placement, Request, Scheduler

SMALL = Machine("small", 4_000, 1_000, 2, "T4")
LARGE = Machine("large", 64_000, 64_000, 8, "H100")


def test_first_machine_with_room_is_taken() -> None:
    """A pod goes to the first machine in the fleet's order that has room for all it asks."""
    scheduler = Scheduler([SMALL, LARGE])

    assert Placement("small", (0,)) == scheduler.place("a", Request(1_000, 100, 1))
    assert Placement("large", (0, 1)) == scheduler.place("b", Request(1_000, 100, 2))
    assert Placement("large", ()) == scheduler.place("c", Request(8_000, 100))


def test_shares_fill_the_lowest_device_first() -> None:
    """Shares go to the lowest device with that much left; whole GPUs only to untouched ones."""
    scheduler = Scheduler([LARGE])
    devices = [
        scheduler.place(name, Request(gpus=1, gpu_milli=milli))
        for name, milli in (("a", 600), ("b", 600), ("c", 400), ("d", WHOLE))
    ]

    assert [(0,), (1,), (0,), (2,)] == [each.devices for each in devices if each]
    assert [0, 400, 0, *[WHOLE] * 5] == scheduler.devices_left("large")


def test_what_fits_nowhere_waits() -> None:
    """A pod that fits nowhere is not placed, and takes nothing."""
    scheduler = Scheduler([SMALL])

    assert scheduler.place("a", Request(gpus=4)) is None
    assert [WHOLE, WHOLE] == scheduler.devices_left("small")


def test_closed_machines_take_nothing_new() -> None:
    """A closed machine keeps what it has and takes nothing until it is opened."""
    scheduler = Scheduler([SMALL])
    scheduler.place("a", Request(gpus=1))
    scheduler.close("small")

    assert scheduler.place("b", Request(gpus=1)) is None

    scheduler.open("small")

    assert Placement("small", (1,)) == scheduler.place("b", Request(gpus=1))


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([100, 470, 500, 810, WHOLE])), max_size=40
    ),
)
def test_everything_given_back_is_whole_again(
    sizes: list[tuple[int, int]],
) -> None:
    """Whatever was placed, no device is ever below zero, and releasing all makes all whole."""
    scheduler = Scheduler([SMALL, LARGE])
    for number, (gpus, milli) in enumerate(sizes):
        scheduler.place(str(number), Request(gpus=gpus, gpu_milli=milli))

    assert all(left >= 0 for name in ("small", "large") for left in scheduler.devices_left(name))

    for number in range(len(sizes)):
        scheduler.release(str(number))

    assert [WHOLE] * 2 == scheduler.devices_left("small")
    assert [WHOLE] * 8 == scheduler.devices_left("large")
