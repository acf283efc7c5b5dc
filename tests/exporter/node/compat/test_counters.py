"""Promises of --collectors-csv: dcgm-exporter's counters files work as they are."""

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.catalogue.dcgm import FIELDS, Generation, Type
from exporter.errors import ConfigurationError
from exporter.node.compat.choice import choose, default
from exporter.node.compat.counters import CountersFile, Row, parse
from exporter.node.compat.translator import Translator
from tests.support.compat import H100, NEW, OLD, WHOLE, page, snapshot, values

_FILE = """\
# What we watch,,
  # indented

DCGM_FI_DEV_SM_CLOCK,  gauge, SM clock frequency (in MHz).
DCGM_FI_DEV_DEC_UTIL ,     gauge, Decoder utilization (in %).\r
DCGM_FI_DRIVER_VERSION,        label, Driver Version
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION,counter,"Energy, ""all"" of it"
"""


def test_a_file_is_read_as_dcgm_exporter_reads_it() -> None:
    """Comments, blank lines, spaces, quotes and line ends of all kinds are understood."""
    assert (
        Row("DCGM_FI_DEV_SM_CLOCK", Type.GAUGE, "SM clock frequency (in MHz)."),
        Row("DCGM_FI_DEV_DEC_UTIL", Type.GAUGE, "Decoder utilization (in %)."),
        Row("DCGM_FI_DRIVER_VERSION", Type.LABEL, "Driver Version"),
        Row("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", Type.COUNTER, 'Energy, "all" of it'),
    ) == parse(_FILE, name="counters.csv")


@pytest.mark.parametrize("generation", [OLD, NEW])
def test_what_dcgm_exporter_ships_is_understood(generation: Generation) -> None:
    """Every row of its default file is published, under the names of either version."""
    rows = default(generation)
    content = "".join(f'{row.field}, {row.type}, "{row.help}"\n' for row in rows)
    choice = choose(parse(content, name="default-counters.csv"), OLD)

    assert rows == parse(content, name="default-counters.csv")
    assert ((), ()) == (choice.unknown, choice.unavailable)
    assert len(rows) == len(choice.metrics) + len(choice.label_rows) > 25


def test_the_file_says_type_and_help(tmp_path: Path) -> None:
    """What a row says stands on the page, whatever the field is by default."""
    path = tmp_path / "counters.csv"
    path.write_text(r'DCGM_FI_DEV_GPU_TEMP, counter, "Heat, in C:\GPU"')

    assert page(Translator(OLD, CountersFile(path)), snapshot((WHOLE, H100))).startswith(
        "# HELP DCGM_FI_DEV_GPU_TEMP Heat, in C:\\\\GPU\n# TYPE DCGM_FI_DEV_GPU_TEMP counter\n"
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("DCGM_FI_DEV_GPU_TEMP, gauge", "2 columns instead of 3"),
        ("DCGM_FI_DEV_GPU_TEMP, gauge, a, b", "belongs in double quotes"),
        ("DCGM_FI_DEV_GPU_TEMP, gouge, a", "'gouge' is none of gauge, counter, label"),
        ('DCGM_FI_DEV_GPU_TEMP, gauge, "a', "no CSV"),
        ("DCGM FI, gauge, a", "'DCGM FI' is no name of a field"),
    ],
)
def test_a_broken_line_is_named(line: str, why: str) -> None:
    """The message says which line it is and what is wrong with it."""
    with pytest.raises(ConfigurationError, match=r"counters.csv, line 3: ") as refused:
        parse(f"# one\n\n{line}\n", name="counters.csv")

    assert why in str(refused.value)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    """A missing file, a directory, and bytes that are no text."""
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")

    for path in (tmp_path / "none.csv", tmp_path, binary):
        with pytest.raises(ConfigurationError, match=str(path)):
            CountersFile(path)


@given(st.text(max_size=60) | st.from_regex(r"[A-Z_]{1,5} ?, ?(gauge|label)?, ?\"?.{0,9}\"?"))
def test_no_content_does_worse_than_be_refused(content: str) -> None:
    """Whatever stands in a file: rows that can be published, or an error of ours."""
    try:
        rows = parse(content, name="counters.csv")
    except ConfigurationError:
        return
    choice = choose(rows, OLD)

    assert len(rows) == len(choice.unknown) + len(choice.unavailable) + len(
        (*choice.metrics, *choice.label_rows)
    )
    assert all("\n" not in row.help and "\r" not in row.help for row in rows)


def test_what_cannot_be_published_is_said_once_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A name DCGM does not have and one NVML has no values for are told apart."""
    path = tmp_path / "counters.csv"
    path.write_text(
        "DCGM_FI_DEV_GPU_TEMP, gauge, a\nDCGM_FI_DEV_GPU_TEMPO, gauge, a\n"
        "DCGM_FI_DEV_NVSWITCH_POWER_VDD, gauge, a\nDCGM_EXP_GPU_HEALTH_STATUS, gauge, a\n"
        "DCGM_FI_DEV_SERIAL, gauge, text is no number\n"
    )
    with caplog.at_level(logging.WARNING):
        translator = Translator(OLD, CountersFile(path))
        text = page(translator, snapshot((WHOLE, H100)))
        text = page(translator, snapshot((WHOLE, H100)))

    assert "gpu_exporter_csv_unknown_fields 1\n" in text
    assert "gpu_exporter_csv_unavailable_fields 3\n" in text
    assert [
        "DCGM_FI_DEV_GPU_TEMPO is no field of DCGM's: nothing is published for it",
        "DCGM_FI_DEV_NVSWITCH_POWER_VDD is not to be had from NVML: nothing is published for it",
        "DCGM_EXP_GPU_HEALTH_STATUS is not to be had from NVML: nothing is published for it",
        "DCGM_FI_DEV_SERIAL is not to be had from NVML: nothing is published for it",
    ] == [record.getMessage() for record in caplog.records]


def test_a_row_that_is_there_twice_counts_once() -> None:
    """A page never has a metric twice, which would cost the whole scrape."""
    row = "DCGM_FI_DEV_GPU_TEMP, gauge, {}\n"

    assert (Row("DCGM_FI_DEV_GPU_TEMP", Type.GAUGE, "first"),) == parse(
        row.format("first") + row.format("second"), name="counters.csv"
    )


def test_a_changed_file_is_in_force_at_once_and_a_broken_one_never(tmp_path: Path) -> None:
    """The next collection publishes what it says now; while it is broken, what it said before."""
    path = tmp_path / "counters.csv"
    path.write_text("DCGM_FI_DEV_GPU_TEMP, gauge, a\n")
    translator = Translator(OLD, CountersFile(path))

    def told() -> tuple[list[str], str]:
        found = values(page(translator, snapshot((WHOLE, H100))))
        names = [name for name in found if name.startswith("DCGM")]
        return names, found["gpu_exporter_csv_valid"]

    assert (["DCGM_FI_DEV_GPU_TEMP"], "1") == told()

    path.write_text("DCGM_FI_DEV_POWER_USAGE, gauge, abc\n")
    assert (["DCGM_FI_DEV_POWER_USAGE"], "1") == told()

    path.write_text("nonsense\n")
    assert (["DCGM_FI_DEV_POWER_USAGE"], "0") == told()
    path.unlink()
    assert (["DCGM_FI_DEV_POWER_USAGE"], "0") == told()

    path.write_text("DCGM_FI_DEV_GPU_UTIL, gauge, a\n")
    assert (["DCGM_FI_DEV_GPU_UTIL"], "1") == told()


def test_a_file_whose_change_cannot_be_seen(tmp_path: Path) -> None:
    """Told to, it is read again whatever its times and size say."""
    path = tmp_path / "counters.csv"
    path.write_text("DCGM_FI_DEV_GPU_TEMP, gauge, a\n")
    file = CountersFile(path)
    before = path.stat()
    path.write_text("DCGM_FI_DEV_GPU_UTIL, gauge, a\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    unseen = file.changed()
    file.reload()

    assert (False, True, False) == (unseen, file.changed(), file.changed())
    assert ["DCGM_FI_DEV_GPU_UTIL"] == [row.field for row in file.rows]


def test_all_known_fields_fit_in_one_file() -> None:
    """A file may ask for everything: what there is comes, the rest is counted."""
    rows = [Row(name, Type.GAUGE, "a") for f in FIELDS for name in (f.name, f.new) if name]
    choice = choose(rows, NEW)

    assert () == choice.unknown
    assert len(choice.metrics) > 300
