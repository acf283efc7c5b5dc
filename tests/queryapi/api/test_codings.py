"""The form of a body follows the header that asks for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.api.codings import Coding, wanted

_PLAIN, _PACKED, _ONLY = Coding.PLAIN, Coding.PACKED, Coding.PACKED_ONLY


@pytest.mark.parametrize(
    ("expected", "header"),
    [
        (_PLAIN, None), (_PLAIN, ""), (_PLAIN, "br"), (_PLAIN, "identity"),
        (_PLAIN, "gzip;q=0"), (_PLAIN, "gzip;q=0, *"), (_PLAIN, "*;q=0"),
        (_PLAIN, "identity;q=0"), (_PLAIN, "gzip;q=0.5, identity"), (_PLAIN, "gzip;q=high"),
        (_PLAIN, "gzip;level=9"), (_PLAIN, "gzip;q=-1"), (_PLAIN, "gzipped"),
        (_PACKED, "gzip"), (_PACKED, "GZip ; Q=0.5"), (_PACKED, "x-gzip"), (_PACKED, "*"),
        (_PACKED, "deflate, gzip;q=1.0, *;q=0.5"), (_PACKED, "br, gzip"),
        (_PACKED, "gzip, identity"),
        (_PACKED, "gzip;q=0.001"), (_PACKED, "gzip;q=99"),
        (_ONLY, "gzip, identity;q=0"), (_ONLY, "gzip, *;q=0"), (_ONLY, "*, identity;q=0"),
    ],
)  # fmt: skip
def test_weights_decide(expected: Coding, header: str | None) -> None:
    """RFC 9110: q-values, `*`, identity; what cannot be read is not asked for."""
    assert expected == wanted(header)


@given(st.text(alphabet=st.sampled_from("gzip,*;q=0.19 identity\x00é"), max_size=60))
def test_no_header_breaks_it(header: str) -> None:
    """Garbage gets an answer too."""
    assert wanted(header) in Coding
