"""What a slow client is sent is the newest of everything, in order."""

from hypothesis import given
from hypothesis import strategies as st

from queryapi.api.bounds import BODY_BYTES
from queryapi.gateway.outbox import Outbox
from queryapi.services.jobs.bounds import ID_CHARACTERS, LINES

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


def test_a_frame_of_any_size_leaves_room_for_answers() -> None:
    """One of a report's largest log after the last that had room: who asks then is not at fault."""
    outbox = Outbox()
    outbox.append(bytes(1024 * 1024 - 1))
    had_room = outbox.has_room
    outbox.append(bytes(BODY_BYTES + LINES * 4 * ID_CHARACTERS))
    outbox.append(b"pong")

    assert (True, False) == (had_room, outbox.has_room)
    assert not outbox.is_overfull
