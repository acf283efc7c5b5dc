"""Promises of `make bench`: every figure is declared, bounded, measured, and told on one page."""

import ast
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import page
import promises
import pytest
import running
from declared import HERE, SCRIPTS, SUBJECTS, Script, scripts
from figures import Budget, Figure, Of
from machine import machine
from measured import Run, runs
from running import ScriptError, run

_DECLARED = {script.name: script for script in scripts()}
_NO_SCRIPTS = {"__main__"}
_LOADS = {"api_load", "fanout_load", "soak_load", "stream_load"}
"""Started by scripts, not by `make bench`."""

_PROMISED = {
    ("000", "status and running tasks, cached: slowest of 99 %", 100.0),
    ("000", "status and running tasks, not cached: slowest of 95 %", 1000.0),
    ("000", "status with all includes, not cached: slowest of 95 %", 1500.0),
    ("000", "no client gives up: slowest answer of all", 5000.0),
    ("000", "thirty times fewer queries than without a cache", 1 / 30),
    ("001", "real-time metrics: median, as its document claims", 10.0),
    ("001", "real-time metrics: slowest of 95 %", 300.0),
    ("001", "real-time metrics: slowest of 99 %", 500.0),
    ("001", "real-time metrics: ready when asked for", 80.0),
    ("001", "real-time metrics: requests/s of 100 and 200 that are answered", 0.99),
    ("001", "real-time metrics: memory, as aimed at", 50.0),
    ("001", "real-time metrics: memory", 100.0),
    ("own", "real-time metrics, tighter: slowest of 95 %", 20.0),
    ("own", "real-time metrics, tighter: slowest of 99 %", 50.0),
    ("own", "real-time metrics, tighter: ready when asked for", 95.0),
    ("own", "cached answers: of the requests/s of a bare WSGI app", 0.75),
    ("own", "cached answers at 200 requests/s: slowest of 99 %", 20.0),
    ("own", "status of 80,000 GPUs, not cached: of its slowest query alone", 1.5),
    ("own", "status of 80,000 GPUs, not cached: slowest of 95 %", 300.0),
    ("own", "queries to Prometheus: of those of a single client, whatever their number", 1.0),
    ("own", "of a thousand clients at the moment of expiry, without an answer", 0.0),
    ("own", "memory of a process of the query API, at its peak", 100.0),
    ("own", "reports of 64 workers: of what is stored with a transaction for each", 5.0),
    ("own", "reports at 200/s over HTTP: slowest of 99 %", 100.0),
    ("own", "5,000 WebSockets: of them that hear every message", 1.0),
    ("own", "5,000 WebSockets: memory of each", 20.0),
    ("own", "5,000 WebSockets: one message to all, slowest of 99 %", 250.0),
    ("own", "5,000 WebSockets: memory when as many have come and left again", 1.1),
    ("own", "5,000 WebSockets: HTTP meanwhile, slowest of 99 %, of what it is without them", 1.25),
    ("own", "node exporter, 8 GPUs: median scrape", 5.0),
    ("own", "node exporter, 8 GPUs: median scrape while a call of the driver hangs", 5.0),
    ("own", "node exporter, 8 GPUs: memory", 60.0),
    ("own", "node exporter, 8 GPUs: CPU at an interval of 5 s", 1.0),
    ("own", "cluster exporter, 10,000 nodes and 100,000 pods: median scrape", 0.3),
    ("own", "cluster exporter, 10,000 nodes and 100,000 pods: memory, at its peak", 1200.0),
    (
        "own",
        (
            "cluster exporter, 10,000 nodes and 100,000 pods: "
            "until a change can be read, slowest of 99 %"
        ),
        1.0,
    ),
    ("own", "cluster exporter, 10,000 nodes and 100,000 pods: first sync", 60.0),
    ("own", "each group of rules and alerts, 80,000 GPUs: of its interval", 10.0),
    ("own", "a wrong token is refused, of one that is wrong in its first character: at most", 1.1),
    ("own", "a wrong token is refused, of one that is wrong in its first character: at least", 0.9),
    ("own", "all of it at once for ten minutes: reads without an answer", 0.0),
    ("own", "all of it at once for ten minutes: answers that are older than promised", 0.0),
    ("own", "all of it at once for ten minutes: answers that were not true of their moment", 0.0),
    ("own", "all of it at once for ten minutes: jobs of which an acknowledged report is lost", 0.0),
    ("own", "all of it at once for ten minutes: frames not delivered once, in order", 0.0),
    ("own", "all of it at once for ten minutes: subscribers that were dropped", 0.0),
}


# --- what is declared ----------------------------------------------------------------------------


def test_no_promise_disappears() -> None:
    """What is promised about speed and size, with its bound, is what was promised before."""
    assert _PROMISED == {(each.source, each.promise, each.limit) for each in promises.ALL}


@pytest.mark.parametrize("budget", promises.ALL, ids=lambda each: each.promise)
def test_every_promise_is_measured(budget: Budget) -> None:
    """Each promise bounds a figure that a script measures."""
    figures = [figure for script in _DECLARED.values() for figure in script.figures]

    assert [] != [figure.what for figure in figures if budget in figure.budgets]


def test_no_figure_has_a_budget_of_its_own() -> None:
    """Whoever wants to know what is promised reads one list, and that is all."""
    bounds = {
        budget
        for script in _DECLARED.values()
        for figure in script.figures
        for budget in figure.budgets
    }

    assert set(promises.ALL) == bounds


def test_every_script_is_run() -> None:
    """A script of the folder that can be called is one that `make bench` calls."""
    called = {path.stem for path in HERE.glob("*.py") if _can_be_called(path)}

    assert set(SCRIPTS) == called - _NO_SCRIPTS - _LOADS


def _can_be_called(path: Path) -> bool:
    return any(
        isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)
        for node in ast.parse(path.read_text()).body
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_declares_what_it_measures(name: str) -> None:
    """Each has figures of different names, a time after which it hangs, and a sentence about it."""
    script = _DECLARED[name]
    names = [figure.what for figure in script.figures]

    assert names
    assert len(names) == len(set(names))
    assert 0 < script.limit <= 600
    assert script.about.endswith(".")


def test_a_figure_cannot_contradict_its_budget() -> None:
    """Milliseconds are no budget of seconds, and a ratio needs something to compare with."""
    with pytest.raises(ValueError, match="its budget in ms"):
        Figure("a scrape", "s", budgets=(Budget("fast", "own", 5, "ms"),))
    with pytest.raises(ValueError, match="something to compare with"):
        Figure("a scrape", "ms", budgets=(Budget("fast", "own", 5, "ms", of=Of.RATIO),))


# --- what is run ---------------------------------------------------------------------------------

_SCRIPT = """
import sys, time
from figures import Figure
{then}
"""
_FAST = Budget("fast", "own", 5, "ms")
_HERE = cache(machine)
_FIGURE = Figure("a scrape", "ms", budgets=(_FAST,))
_TELL = 'Figure("a scrape", "ms").tell("small", 7.0)'


@pytest.fixture(autouse=True)
def _one_look_at_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast it is takes half a second to find out, and is no matter here."""
    monkeypatch.setattr(running, "machine", _HERE)


def _script(folder: Path, then: str, *figures: Figure, limit: float = 60) -> Script:
    path = folder / "sample.py"
    path.write_text(f"import sys\nsys.path.append({str(HERE)!r})\n{_SCRIPT.format(then=then)}")
    return Script(path, (), limit, "A sample.", figures)


def test_what_a_script_tells_is_kept(tmp_path: Path) -> None:
    """A figure is kept with its case, under the name of its script."""
    (told,) = run(_script(tmp_path, _TELL, _FIGURE)).told

    assert ("sample", "a scrape", "small", 7.0) == (
        told.script, told.what, told.case, told.measured,
    )  # fmt: skip


def test_a_script_that_fails_is_named(tmp_path: Path) -> None:
    """One that ends with an error is no measurement, whatever it told before."""
    with pytest.raises(ScriptError, match="sample: ended with 3"):
        run(_script(tmp_path, f"{_TELL}\nsys.exit(3)", _FIGURE))


def test_a_script_that_hangs_is_ended_and_named(tmp_path: Path) -> None:
    """Nobody waits for longer than a script may take."""
    began = time.monotonic()
    with pytest.raises(ScriptError, match="sample: not done after 1 s"):
        run(_script(tmp_path, "time.sleep(600)", _FIGURE, limit=1))

    assert time.monotonic() - began < 300


def test_a_figure_that_was_not_measured_is_named(tmp_path: Path) -> None:
    """What a script declares and does not tell is missed by whoever runs it."""
    script = _script(tmp_path, "", _FIGURE)

    assert ["sample: “a scrape” was not measured"] == list(run(script).faults(script))


def test_a_figure_that_is_not_declared_is_named(tmp_path: Path) -> None:
    """What a script tells without declaring it would be on no page."""
    script = _script(tmp_path, _TELL)

    assert ["sample: “a scrape” was measured and is not declared"] == list(
        run(script).faults(script)
    )


def test_a_missed_budget_needs_a_reason(tmp_path: Path) -> None:
    """Missing a budget is a fault, unless the script says what physical reason there may be."""
    script = _script(tmp_path, _TELL, _FIGURE)
    explained = replace(script, figures=(replace(_FIGURE, missed="the disk is slow."),))
    found = run(script)

    assert ["sample: “a scrape, small” misses its budget without a reason"] == list(
        found.faults(script)
    )
    assert [] == list(found.faults(explained))


# --- what is on the page -------------------------------------------------------------------------


def test_the_page_is_what_was_measured() -> None:
    """docs/performance.md is made of declarations and measurements, and of nothing else."""
    assert page.text(list(_DECLARED.values()), runs()) == page.PAGE.read_text()


def test_every_script_has_been_measured() -> None:
    """The page has figures of every script, and each missed budget its reason."""
    assert [] == page.faults(list(_DECLARED.values()), runs())


def test_the_page_tells_first_what_is_missed(tmp_path: Path) -> None:
    """Each promise is one row, with the worst that was measured of it, kept or missed."""
    figure = Figure("p99 of a message", "ms", budgets=(promises.MESSAGE_P99,), missed="two cores.")
    script = replace(_script(tmp_path, "", figure), path=tmp_path / f"{SUBJECTS['Streams'][0]}.py")
    told = [
        {"script": script.name, "what": figure.what, "case": case, "measured": measured,
         "beside": None}
        for case, measured in (("1,000 clients", 100.0), ("5,000 clients", 300.0))
    ]  # fmt: skip
    found = Run.of({"machine": "2 cores", "options": [], "told": told})

    text = page.text([script], {script.name: found})

    (row,) = [line for line in text.splitlines() if promises.MESSAGE_P99.promise in line]
    assert row.endswith("| own | ≤ 250 ms | 300 ms: [5,000 clients](#a-sample) | **missed** |")
    assert "- p99 of a message: two cores." in text
    assert f"| {promises.HIT.promise} | 000 | ≤ 100 ms |  | not measured |" in text
