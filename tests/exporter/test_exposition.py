"""Samples as Prometheus' text format: what stands between a number here and the same one there."""

import gzip
import math
import re
import struct
import subprocess
import threading
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.catalogue import CATALOGUE, Family, Kind, Role
from exporter.exposition import Block, Page, Samples, line, number, render

GAUGE = Family("gpu_test", "A test.", ("a", "b"))
PLAIN = Family("gpu_plain", "A test without labels.")
COUNTER = Family("gpu_test_total", "A counter.", ("a",), Role.NODE, Kind.COUNTER)
LABEL = re.compile(r'a="((?:[^"\\\n]|\\["\\n])*)"')
MEANING = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


def unescaped(text: str) -> str:
    """Return what Prometheus makes of a label value."""
    return re.sub(r"\\.", lambda match: MEANING[match[0]], text)


def test_a_line() -> None:
    """Labels stand in the family's order, the value behind them."""
    assert 'gpu_test{a="1",b="2"} 3.5\n' == line(GAUGE, ("1", "2"), 3.5)


def test_an_empty_label_is_left_out() -> None:
    """Prometheus knows no difference between an empty label and none."""
    assert 'gpu_test{b="2"} 1\n' == line(GAUGE, ("", "2"), 1)
    assert "gpu_test 1\n" == line(GAUGE, ("", ""), 1)
    assert "gpu_plain 1\n" == line(PLAIN, (), 1)


@pytest.mark.parametrize("values", [("1",), ("1", "2", "3")])
def test_a_label_too_many_or_too_few(values: tuple[str, ...]) -> None:
    """A sample with other labels than its family's is a defect, and found at once."""
    with pytest.raises(ValueError, match="argument"):
        line(GAUGE, values, 1)


@given(st.text())
@example('quote " backslash \\ newline \n backslash-n \\n')
@example("漢字 é \r \x85 \u2028")
def test_any_label_value_survives(text: str) -> None:
    """Whatever stands in a label, it reads back as it was and cannot leave its quotes."""
    written = line(COUNTER, (text,), 1)
    match = LABEL.search(written)

    assert 1 == written.count("\n")
    assert text == (unescaped(match[1]) if match else "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (8.0, "8"),
        (True, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1767225600.25, "1767225600.25"),
        (2**53, "9007199254740992.0"),
        (1e300, "1e+300"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_numbers(value: float, expected: str) -> None:
    """Whole numbers are written as such; the rest as shortly as reads back the same."""
    assert expected == number(value)


@given(st.floats())
def test_any_number_survives(value: float) -> None:
    """A number reads back as it was, to the last bit; the sign of zero is all that may go."""
    read = float(number(value))

    assert math.isnan(value) == math.isnan(read)
    assert math.isnan(value) or struct.pack("d", value + 0.0) == struct.pack("d", read + 0.0)


def test_a_block() -> None:
    """A family's samples stand below its help and type."""
    expected = (
        b"# HELP gpu_test_total A counter.\n"
        b"# TYPE gpu_test_total counter\n"
        b'gpu_test_total{a="x"} 1\n'
    )

    assert expected == render(COUNTER, [line(COUNTER, ("x",), 1)])


def test_a_family_without_samples_is_not_mentioned() -> None:
    """A missing reading is no sample, and no header either."""
    assert b"" == render(GAUGE, [])


def test_text_that_has_no_utf8_form() -> None:
    """One label that cannot be written costs its own letters and not the scrape."""
    assert b'gpu_test{a="?"} 1\n' in render(GAUGE, [line(GAUGE, ("\ud800", ""), 1)])


def test_samples_are_grouped() -> None:
    """However samples arrive, each family is one block, in the order of first appearance."""
    samples = Samples()
    samples.add(GAUGE, ("1", ""), 1)
    samples.add(PLAIN, (), 2)
    samples.extend(GAUGE, [line(GAUGE, ("2", ""), 3)])
    lines = [it for it in samples.page().body.decode().splitlines() if it[0] != "#"]

    assert ['gpu_test{a="1"} 1', 'gpu_test{a="2"} 3', "gpu_plain 2"] == lines


def test_nothing_collected() -> None:
    """No samples make an empty page."""
    assert b"" == Samples().page().body


def page_of(*bodies: bytes) -> Page:
    """Return a page of one block for each body."""
    return Page(map(Block, bodies))


@given(st.lists(st.binary(max_size=2000)))
@example([])
@example([b""])
@example([b"gpu_plain 1\n" * 10_000, b"", b"\xff"])
def test_a_page_compressed(bodies: list[bytes]) -> None:
    """The compressed form is the same page, whatever blocks it is made of."""
    page = page_of(*bodies)

    assert b"".join(bodies) == page.body == gzip.decompress(page.compressed)


def test_every_client_reads_the_whole_page() -> None:
    """The blocks are one gzip member: there are clients that give up after the first."""
    reader = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    read = reader.decompress(page_of(b"gpu_a 1\n", b"gpu_b 2\n").compressed)

    assert b"gpu_a 1\ngpu_b 2\n" == read
    assert (True, b"") == (reader.eof, reader.unused_data)


def test_the_same_page_is_the_same_bytes() -> None:
    """Nothing but the text decides the compressed form."""
    assert page_of(b"gpu_a 1\n").compressed == page_of(b"gpu_a 1\n").compressed


def test_a_block_is_compressed_once() -> None:
    """Pages share what they have in common, even when they are asked for at the same time."""
    block, together = Block(b"gpu_plain 1\n" * 100_000), threading.Barrier(4, timeout=60)
    seen: list[bytes] = []

    def scrape() -> None:
        together.wait()
        seen.append(Page([block]).gzipped()[1])

    threads = [threading.Thread(target=scrape) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [True] * 4 == [piece is block.deflated for piece in seen]


def test_promtool_accepts_every_family() -> None:
    """Prometheus' own linter has nothing to say about any family of the catalogue."""
    samples = Samples()
    for family in CATALOGUE:
        samples.add(family, ['odd "\\\n é'] * len(family.labels), 0.5)
    result = subprocess.run(
        ["promtool", "check", "metrics"],
        input=samples.page().body,
        capture_output=True,
        check=False,
    )

    assert (0, b"", b"") == (result.returncode, result.stdout, result.stderr)
