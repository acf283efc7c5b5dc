"""No text of a driver, a kubelet, a scheduler or a counters file breaks the node role's page."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as _openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as as_text

from exporter import catalogue
from exporter.catalogue import DEVICE
from exporter.exposition import Block, Page, encoded, header, sample
from exporter.node.asking import Versions
from exporter.node.compat import counters
from exporter.node.compat.choice import choose
from exporter.node.compat.translator import Translator
from exporter.node.holding import Held, Holder
from exporter.node.page.scrape import Foreign, render
from exporter.node.reading import Reading
from exporter.node.writing import Pen
from tests.support.compat import H100, MIG, OLD, snapshot
from tests.support.whole import some

# What only the exporter itself writes there, and compat takes for a number.
_NUMBERS = {"gpu_instance": "9", "compute_instance": "0", "link": "1"}
_ELSEWHERE = {
    *(catalogue.DEVICE_UP, catalogue.DEVICE_DOWN, catalogue.LAST_READING),
    *(catalogue.DEVICE_POD, catalogue.DEVICE_JOB, catalogue.DEVICE_ALLOCATED),
}
_OURS = [
    family
    for family in catalogue.CATALOGUE
    if family.labels[: len(DEVICE)] == DEVICE and family not in _ELSEWHERE
]
_Series = tuple[str, tuple[tuple[str, str], ...]]
_NASTY = '"} 1\n# EOF\n# TYPE gpu_up counter\ngpu_up{a="'


def as_openmetrics(text: str) -> list[Metric]:
    """Return the families of an OpenMetrics page."""
    return list(_openmetrics(text))  # type: ignore[no-untyped-call]


def _readings(text: str) -> list[Reading]:
    """Return a reading of every family of devices, all of whose labels are this text."""
    return [
        Reading(family, 1, tuple(_NUMBERS.get(name, text) for name in family.labels[len(DEVICE) :]))
        for family in _OURS
    ]


def _page(text: str) -> Page:
    """Return the page of a node on which everything is called so."""
    holder = Holder(text, text, text, text, text, text, text, text)
    known = snapshot(
        (f"GPU-{text}", H100),
        (f"MIG-{text}", MIG),
        held=Held(pods={(f"GPU-{text}", None): (holder,)}, jobs={(f"GPU-{text}", None): (text,)}),
    )
    labels = (f"GPU-{text}", "0", text)
    readings = _readings(text)
    device = replace(
        known.devices[0],
        lines=(Pen().write(labels, readings),),
        readings=(*readings, *known.devices[0].readings),
        reason=text,
    )
    of = replace(
        known,
        node=text,
        versions=Versions(text, text, text),
        devices=(device, *known.devices[1:]),
    )
    return render(of, Foreign(Translator(OLD)))


def _read(families: list[Metric]) -> set[_Series]:
    # The one parser adds to a counter's name what the other takes from it.
    found = [
        (sample.name.removesuffix("_total"), tuple(sorted(sample.labels.items())))
        for family in families
        for sample in family.samples
    ]
    assert len(set(found)) == len(found)
    return set(found)


@settings(max_examples=some(8, 25), deadline=None)
# A number would be that of an XID, which has a text of its own.
@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(
        lambda text: not text.isnumeric()
    )
)
@example(_NASTY)
@example("\\")
@example("\r\n\0\x1f\x7f\u0085\u2028")
def test_no_text_breaks_the_page(text: str) -> None:
    """Whatever devices, pods and jobs are called, both forms hold every series, once, named so."""
    page, plain = _page(text), _page("x")
    told = _read(list(as_text(page.body.decode())))

    assert _renamed(_read(list(as_text(plain.body.decode()))), text) == told
    assert told == _read(list(as_openmetrics(page.openmetrics().body.decode())))


def _renamed(series: set[_Series], text: str) -> set[_Series]:
    names = {name: name.replace("x", text) for name in ("x", "GPU-x", "MIG-x")}
    return {
        (name, tuple((key, names.get(value, value)) for key, value in labels))
        for name, labels in series
    }


def test_a_series_twice(caplog: pytest.LogCaptureFixture) -> None:
    """Readings that a defect repeats cost no scrape, in nobody's words."""
    of = snapshot(("GPU-a", (*H100, *H100)))

    assert _read(list(as_text(render(of, Foreign(Translator(OLD))).body.decode())))
    assert not caplog.records


@settings(max_examples=some(15, 50), deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=40))
@example(_NASTY)
@example("\0\\")
def test_no_help_text_breaks_the_page(text: str) -> None:
    """A counters file may explain a field as it likes: it stays one line, and one family."""
    quoted = '"' + text.replace('"', '""').replace("\n", " ") + '"'
    rows = counters.parse(f"DCGM_FI_DEV_GPU_TEMP, gauge, {quoted}\n", name="f.csv")
    families = [metric.family for metric in choose(rows, OLD).metrics]
    block = Block(encoded("".join(header(family) + sample(family, "", 1) for family in families)))

    for read in (
        list(as_text(block.body.decode())),
        list(as_openmetrics(Page([block]).openmetrics().body.decode())),
    ):
        assert [("DCGM_FI_DEV_GPU_TEMP", 1)] == [(it.name, len(it.samples)) for it in read]
