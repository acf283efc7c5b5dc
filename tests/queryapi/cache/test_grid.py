"""Every process opens its windows at the same moments."""

from hypothesis import given
from hypothesis import strategies as st

from queryapi.cache.grid import Grid

_NAMES = st.text(max_size=5)
_SECONDS = st.floats(0.001, 86400)
_TIMES = st.floats(0, 4e9)


@given(_NAMES, _SECONDS, _TIMES)
def test_a_cell_holds_its_moments(name: str, seconds: float, now: float) -> None:
    """A cell begins at or before a moment, and ends after it, to the millisecond."""
    grid = Grid.of(name, seconds)
    start = grid.start(now)

    assert start <= now + 1e-6
    assert now < grid.earlier(start, -1)
    assert start == grid.start(start + 1e-4)
    assert start == grid.earlier(grid.earlier(start, 3), -3)


def test_the_grid_is_the_same_everywhere() -> None:
    """It depends on the cluster's name and the length alone, and never changes."""
    assert Grid(period=30_000, phase=6_555) == Grid.of("c", 30)
    assert 999_996.555 == Grid.of("c", 30).start(1_000_020.0)


def test_clusters_do_not_begin_together() -> None:
    """The windows of many clusters end one after the other, not all at once."""
    phases = {Grid.of(f"cluster-{number}", 30).phase // 3000 for number in range(100)}

    assert 10 == len(phases)
