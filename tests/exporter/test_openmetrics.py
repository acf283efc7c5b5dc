"""The same samples as OpenMetrics 1.0.0, read by other people's parsers."""

import math
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser
from prometheus_client.parser import text_string_to_metric_families

from demo.processes import wait_for
from exporter import openmetrics, process
from exporter.catalogue import CATALOGUE, Family, Kind, Role
from exporter.exposition import Block, Page, Samples, line, render
from exporter.histogram import Histogram
from tests.support.prometheus import prometheus
from tests.support.serving import Served, Shown, serving

GAUGE = Family("gpu_test", "A test.", ("a", "b"))
COUNTER = Family("gpu_test_total", 'A "counter" \\ of tests.', ("a",), Role.NODE, Kind.COUNTER)
ODD = Family("GPU_TEST_BYTES", "A counter of another name.", (), Role.NODE, Kind.COUNTER)
SECONDS = Family("gpu_test_seconds", "Times.", (), Role.NODE, Kind.HISTOGRAM)
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


def written(*blocks: bytes) -> str:
    """Return a page of these blocks as OpenMetrics."""
    return Page(map(Block, blocks)).openmetrics().body.decode()


def _families(text: str) -> list[Metric]:
    """Return what prometheus_client, a strict reader, makes of OpenMetrics."""
    return list(parser.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def test_a_counter() -> None:
    """A counter's family loses its suffix, its samples keep it, quotes in help are escaped."""
    expected = (
        '# HELP gpu_test A \\"counter\\" \\\\ of tests.\n'
        "# TYPE gpu_test counter\n"
        'gpu_test_total{a="# TYPE a counter"} 1\n'
        "# EOF\n"
    )

    assert expected == written(render(COUNTER, [line(COUNTER, ("# TYPE a counter",), 1)]))


def test_a_counter_of_another_name() -> None:
    """A counter whose name OpenMetrics has no place for is of unknown type, and none is lost."""
    expected = (
        "# HELP GPU_TEST_BYTES A counter of another name.\n"
        "# TYPE GPU_TEST_BYTES unknown\n"
        "GPU_TEST_BYTES 1\n"
        "# EOF\n"
    )

    assert expected == written(render(ODD, [line(ODD, (), 1)]))


def test_type_without_help() -> None:
    """Lines of others need no help text to be understood."""
    body = b"# TYPE a_total counter\na_total 1\n# TYPE b untyped\nb 1\n"

    assert "# TYPE a counter\na_total 1\n# TYPE b unknown\nb 1\n# EOF\n" == written(body)


def test_what_is_alike_is_shared() -> None:
    """Blocks without counters cost neither time nor memory a second time."""
    gauge, samples = Block(render(GAUGE, [line(GAUGE, ("1", "2"), 1)])), Block(b"gpu_test 1\n" * 9)
    counter = Block(render(COUNTER, [line(COUNTER, ("1",), 1)]))

    assert (True, True) == (gauge is gauge.openmetrics, samples is samples.openmetrics)
    assert counter is not counter.openmetrics
    assert counter.openmetrics is counter.openmetrics


def test_every_family() -> None:
    """A page of all families at once is read whole: no two of them clash without their suffixes."""
    samples = Samples()
    for family in CATALOGUE:
        if family.kind is Kind.HISTOGRAM:
            samples.extend(family, [Histogram([0.5, 1]).lines(family, ["x"] * len(family.labels))])
        else:
            samples.add(family, ['odd "\\\n é'] * len(family.labels), 0.5)
    read = _families(samples.page().openmetrics().body.decode())

    kinds = {family.name.removesuffix("_total"): family.kind.value for family in CATALOGUE}
    assert kinds == {family.name: family.type for family in read}


def test_the_process() -> None:
    """What the process says of itself is as prometheus_client writes it."""
    text = written(process.block().body)
    read = {each.name: each for each in _families(text)}

    assert "counter" == read["process_cpu_seconds"].type
    assert "gauge" == read["process_resident_memory_bytes"].type


def read_as_text(body: str) -> list[dict[str, str]]:
    """Return all samples' labels as a reader of the text format has them."""
    return [s.labels for family in text_string_to_metric_families(body) for s in family.samples]


def read_as_openmetrics(body: str) -> list[dict[str, str]]:
    """Return all samples' labels as a reader of OpenMetrics has them."""
    families = _families(body)
    return [s.labels for family in families for s in family.samples]


def carried(value: str) -> dict[str, str]:
    """Return the labels that a value arrives as: `?` for what no page can hold."""
    text = "".join("?" if "\ud800" <= it <= "\udfff" else it for it in value)
    return {"a": text} if text else {}


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=30))
@example('"} 1\n# EOF\n')
@example("\\")
@example('\\"')
@example("\n# TYPE gpu_other counter\n")
@example("# HELP a b")
@example("\ud800\0\x1f\x7f\r\n\u2028\u0085")
def test_no_label_value_breaks_a_page(value: str) -> None:
    """Whatever stands in a label, both forms read back as it, and as the samples around it."""
    body = render(COUNTER, [line(COUNTER, (each,), 1) for each in ("first", value, "last")])
    expected = [{"a": "first"}, carried(value), {"a": "last"}]

    assert expected == read_as_text(body.decode())
    assert expected == read_as_openmetrics(written(body))


@given(st.floats())
@example(math.nan)
@example(-math.inf)
@example(1e300)
def test_any_number_can_be_read(value: float) -> None:
    """A sample's value survives in OpenMetrics as in the text format."""
    text = written(render(GAUGE, [line(GAUGE, ("1", ""), value)]))
    read = _families(text)[0].samples[0].value

    assert math.isnan(value) if math.isnan(read) else value == read


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A server of one counter."""
    with serving(Shown(blocks=[render(COUNTER, [line(COUNTER, ("x",), 1)])])) as served:
        yield served


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (PROMETHEUS, True),
        ("application/openmetrics-text", True),
        ("APPLICATION/OpenMetrics-Text; Version=1.0.0", True),
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.1", True),
        ("application/openmetrics-text;q=0.3, text/plain;version=0.0.4;q=0.5", False),
        ("application/openmetrics-text;version=1.0.0;q=0", False),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;q=nonsense", False),
        ("*/*", False),
        ("text/plain", False),
        (None, False),
    ],
)
def test_who_asks_for_it_gets_it(served: Served, accept: str | None, *, expected: bool) -> None:
    """OpenMetrics for those who want it no less than text; text for all others."""
    answer = served.ask("/metrics", **({"Accept": accept} if accept else {}))

    assert expected == (openmetrics.CONTENT_TYPE == answer.headers["Content-Type"])
    assert expected == answer.data.endswith(b"\n# EOF\n")
    assert (b"# TYPE gpu_test counter" in answer.data) == expected
    assert "Accept, Accept-Encoding" == answer.headers["Vary"]


def test_promtool_reads_odd_labels() -> None:
    """Prometheus' own linter takes a page with the oddest labels."""
    body = render(COUNTER, [line(COUNTER, (each,), 1) for each in ("\0a", "\ud800b", 'c"\\\n\r')])
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=body, capture_output=True, check=False
    )

    assert (0, b"", b"") == (result.returncode, result.stdout, result.stderr)


@pytest.mark.e2e
def test_prometheus_reads_it(tmp_path: Path) -> None:
    """A real Prometheus asks for OpenMetrics, and stores every sample with its labels and type."""
    values = ("plain", "nul \0", "lone \ud800", 'quote " \\ \n \r \x1f \u2028 é', "# EOF")
    histogram = Histogram([0.5, 1])
    histogram.observe(0.7)
    blocks = [
        render(COUNTER, [line(COUNTER, (value,), 1) for value in values]),
        render(SECONDS, [histogram.lines(SECONDS)]),
        render(ODD, [line(ODD, (), 1)]),
    ]
    with (
        serving(Shown(blocks=blocks)) as served,
        prometheus(tmp_path, served, rules="groups: []") as server,
        urllib3.PoolManager() as pool,
    ):

        def found(label: str, query: str) -> set[str]:
            url = f"{server.url}/api/v1/query"
            data = pool.request("GET", url, fields={"query": query}).json()["data"]
            return {row["metric"][label] for row in data["result"]}

        def stored() -> set[str]:
            return found("a", "gpu_test_total")

        wait_for(lambda: bool(stored()), seconds=60, what="a scrape")
        kinds = pool.request("GET", f"{server.url}/api/v1/metadata").json()["data"]

        assert {carried(value)["a"] for value in values} == stored()
        assert {"0.5", "1.0", "+Inf"} == found("le", "gpu_test_seconds_bucket")
        assert "unknown" == kinds["GPU_TEST_BYTES"][0]["type"]
