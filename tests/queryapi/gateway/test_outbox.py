"""What a slow client is sent is the newest of everything, in order."""

from hypothesis import given
from hypothesis import strategies as st

from queryapi.gateway.outbox import Outbox

_STEPS = st.lists(st.none() | st.tuples(st.integers(0, 5), st.binary(max_size=2)))


@given(_STEPS)
def test_it_holds_one_message_per_key_in_the_order_of_the_keys(
    steps: list[tuple[int, bytes] | None],
) -> None:
    """Whatever is put in and taken out: the newest of each key, longest waiting key first."""
    outbox, waiting = Outbox(), list[tuple[int, bytes]]()
    for step in steps:
        if step is None:
            assert (waiting.pop(0)[1] if waiting else None) == outbox.take()
            continue
        key, message = step
        places = [place for place, (known, _) in enumerate(waiting) if known == key]
        assert bool(places) == outbox.put(key, message)
        if places:
            waiting[places[0]] = key, message
        else:
            waiting.append((key, message))
        assert len({known for known, _ in waiting}) == len(waiting) == len(outbox)
