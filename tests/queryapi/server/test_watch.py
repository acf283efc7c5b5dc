"""Who hangs is found out, and nobody else."""

from hypothesis import given
from hypothesis import strategies as st

from queryapi.server.watch import Watch


def _looks(watch: Watch, *moments: float) -> list[bool]:
    return [watch.hangs(moment) for moment in moments]


def test_silence_is_found_out() -> None:
    """After the given seconds without a sign, counted from the beginning or the last one."""
    signs = iter([1, 1, 1, 2, 2, 2, 2, 2, 2, 2])
    watch = Watch(lambda: next(signs), 6, 100)

    assert 1 == watch.wait(100)
    assert [False] * 8 + [True] == _looks(watch, *range(101, 110))


def test_looking_more_often_finds_nothing_earlier() -> None:
    """Other signals wake the parent too: they count for nothing."""
    watch = Watch(lambda: 1, 6, 0)

    assert not any(_looks(watch, *(each / 1000 for each in range(5999))))
    assert watch.hangs(6)


def test_a_pause_of_ours_is_nobodys_silence() -> None:
    """Where all were stopped, or the machine was, the process is given its time again."""
    watch = Watch(lambda: 1, 6, 0)

    assert [False, False] == _looks(watch, 3600, 3600.5)
    assert 0.5 == watch.wait(3600.5)


@given(st.lists(st.floats(0.01, 100), max_size=50))
def test_who_gives_a_sign_between_two_looks_lives(gaps: list[float]) -> None:
    """However they are spread."""
    now, sign = 0.0, [0]
    watch = Watch(lambda: sign[0], 6, now)
    for gap in gaps:
        now += gap
        sign[0] += 1
        assert not watch.hangs(now)
        assert 0 <= round(watch.wait(now), 6) <= 1
