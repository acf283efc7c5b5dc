"""Runs the scripts of this folder and writes docs/performance.md: `make bench`.

    .venv/bin/python bench [--only SCRIPT …] [--page] [--check]

Each script runs as `make bench` runs it, in a process of its own, bounded in time. What was
measured is kept in bench/measured.json; `--page` only writes the page of it anew, `--check` tells
whether it is what it should be. Ends with 1 where a script failed, did not measure what it
declares, or missed a budget without a reason.
"""

import argparse
import sys
import time
from collections.abc import Sequence

import page
from declared import SCRIPTS, Script, scripts
from measured import keep, runs
from running import ScriptError, run


def main() -> int:
    """Measure, write, and return the status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=SCRIPTS, metavar="SCRIPT")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page")
    parser.add_argument("--check", action="store_true", help="run and write nothing")
    options = parser.parse_args()
    declared = scripts()
    if options.check:
        wrong = page.faults(declared, runs())
    else:
        wrong = [] if options.page else _measure([it for it in declared if it.name in options.only])
        page.PAGE.write_text(page.text(declared, runs()))
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def _measure(wanted: Sequence[Script]) -> list[str]:
    """Run scripts and keep what each measured; return what is wrong with them."""
    wrong: list[str] = []
    for script in wanted:
        began = time.monotonic()
        try:
            found = run(script)
        except ScriptError as error:
            wrong.append(str(error))
        else:
            keep(runs() | {script.name: found})
            wrong += found.faults(script)
        print(f"{script.name}: {time.monotonic() - began:.0f} s\n", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
