"""The page that a person reads."""

import hashlib
import re
from base64 import b64encode

import pytest

from exporter.tables import Table
from exporter.web.landing import span
from tests.support.serving import Shown, serving


def test_tables_are_shown_and_escaped() -> None:
    """What a role tells of itself stands there as text, whatever is in it."""
    publisher = Shown()
    publisher.shown = (Table("<Devices>", ("gpu", "a&b"), (("0", "<b>\ud800"), ("1", '"'))),)
    with serving(publisher) as served:
        answer = served.ask("/")

    assert (
        "<table><caption>&lt;Devices&gt;</caption>\n<tr><th>gpu</th><th>a&amp;b</th></tr>\n"
        "<tr><td>0</td><td>&lt;b&gt;?</td></tr>\n<tr><td>1</td><td>&quot;</td></tr>\n</table>\n"
    ) in answer.data.decode()


def test_nothing_but_the_page_is_loaded() -> None:
    """A browser may use the page's own style, and run or load nothing."""
    with serving(Shown()) as served:
        answer = served.ask("/")
    style = re.search(rb"<style>(.*)</style>", answer.data)
    assert style is not None
    digest = b64encode(hashlib.sha256(style[1]).digest()).decode()

    assert (
        f"default-src 'none'; style-src 'sha256-{digest}'"
        in (answer.headers["Content-Security-Policy"])
    )
    assert b"<script" not in answer.data


def test_a_role_that_only_a_restart_cures() -> None:
    """The page and the probe say why; the probe so that the process is restarted."""
    publisher = Shown()
    publisher.dead = "the driver hangs"
    with serving(publisher) as served:
        page, probe = served.ask("/"), served.ask("/healthz")

    assert b"<tr><td>state</td><td>the driver hangs</td></tr>" in page.data
    assert (503, b"not alive: the driver hangs\n") == (probe.status, probe.data)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (59.9, "59 s"), (125, "2 min 5 s"), (3600, "1 h 0 min"), (273_600, "3 d 4 h")],
)
def test_spans(seconds: float, expected: str) -> None:
    """How long it runs is told in the two units that matter."""
    assert expected == span(seconds)
