"""A frame gives back exactly what was put into it, for its own key, and never rubbish."""

import zlib
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from queryapi.cache import frame
from queryapi.cache.frame import Failed

_KEY = frame.digest("key")


@given(st.binary(max_size=5000) | st.binary(max_size=8).map(lambda part: part * 1000))
def test_what_went_in_comes_out(value: bytes) -> None:
    """Every value survives, packed or not."""
    made = frame.framed(_KEY, value)

    assert value == frame.unframed(_KEY, made)
    assert None is frame.unframed(frame.digest("another key"), made)


@given(st.binary())
def test_rubbish_is_no_value(rubbish: bytes) -> None:
    """Bytes that nobody framed for this key hold nothing."""
    assert None is frame.unframed(_KEY, rubbish)


def test_damaged_values_are_none() -> None:
    """A packed value that was cut off, changed or would not end is not there."""
    whole = frame.framed(_KEY, b"value" * 1000)
    assert whole is not None

    assert None is frame.unframed(_KEY, whole[:-1])
    assert None is frame.unframed(_KEY, whole[:17] + b"?" + whole[18:])
    assert None is frame.unframed(_KEY, b"?" + whole[1:])


def test_a_bomb_is_not_unpacked() -> None:
    """A small frame that would unpack to more than memory should hold is not there."""
    bomb = zlib.compressobj(1)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(257)) + bomb.flush()

    assert None is frame.unframed(_KEY, b"z" + _KEY + packed)


def test_a_failure_is_told_with_its_holder() -> None:
    """Whoever waits can tell one failure from another."""
    assert Failed("me") == frame.unframed(_KEY, frame.failure(_KEY, Failed("me")))


def test_text_is_packed_and_what_is_too_large_is_not_shared() -> None:
    """What packs well travels small; what stays large after all is not put anywhere."""
    text = frame.framed(_KEY, b"value" * 1000)
    assert text is not None
    assert len(text) < 100

    noise = Random(1).randbytes(frame.MAX_BYTES + 16)  # noqa: S311 - what no packer makes smaller
    assert None is frame.framed(_KEY, noise)


def test_keys_may_be_any_text() -> None:
    """Even text that cannot be encoded has a digest, and always the same."""
    assert frame.digest("\ud800") == frame.digest("\ud800")
    assert frame.digest("a") != frame.digest("b")
