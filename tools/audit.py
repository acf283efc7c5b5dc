"""Looks the locked packages up among known vulnerabilities: `make audit`.

Exits with 0 when none is known of any package, 1 when one is, 2 when that could not be found out of
every package. pip-audit's own status is no answer to that: it passes over packages that its service
does not know, and those that only other platforms install, and ends with 0.
"""

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_LOCKS = Path(__file__).parent.parent / "locks"
_OSV = "https://api.osv.dev/v1/query"
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
# Where a package is installed; it may be vulnerable there, wherever this runs.
_MARKER = re.compile(r"^([^\s#;]+==[^\s;\\]+)\s*;[^\\\n]*", re.MULTILINE)
_MINUTES = 15
_CLEAN, _VULNERABLE, _UNKNOWN = range(3)


class Unaudited(Exception):  # noqa: N818 - what it says of a package
    """It could not be found out; says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit lock files, say what was found; return the status."""
    options = _options(arguments)
    status = _CLEAN
    for path in options.locks:
        try:
            packages = _reported(path, options.url)
        except Unaudited as error:
            print(f"audit: {path.name} could not be audited: {error}", file=sys.stderr)
            status = status or _UNKNOWN
            continue
        known, unknown = list(_vulnerable(packages)), list(_left_out(path.read_text(), packages))
        for line in (*known, *unknown):
            print(f"audit: {path.name}: {line}", file=sys.stderr)
        if not known and not unknown:
            print(f"audit: {path.name}: nothing is known of {len(packages)} packages")
        status = _VULNERABLE if known else status or (_UNKNOWN if unknown else _CLEAN)
    return status


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="audit", description="Exit status: 1, 2 = see above.")
    parser.add_argument("locks", nargs="*", type=Path, default=sorted(_LOCKS.glob("*.txt")))
    parser.add_argument("--url", default=_OSV, help="of a service with the API of osv.dev")
    return parser.parse_args(arguments)


def _reported(lock: Path, url: str) -> list[Any]:
    """Return what pip-audit says of each package of *lock*."""
    if importlib.util.find_spec("pip_audit") is None:
        raise Unaudited("pip-audit is not installed: run `make setup`")
    with tempfile.TemporaryDirectory() as folder:
        everywhere, report = Path(folder) / lock.name, Path(folder) / "report.json"
        everywhere.write_text(_MARKER.sub(r"\1", lock.read_text()))
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(everywhere)]
        command += ["--require-hashes", "--disable-pip", "--cache-dir", f"{folder}/cache"]
        command += ["--vulnerability-service", "osv", "--osv-url", url]
        command += ["--progress-spinner", "off", "--format", "json", "--output", str(report)]
        try:
            done = subprocess.run(  # noqa: S603 - a command of our own
                command, capture_output=True, text=True, check=False, timeout=60 * _MINUTES
            )
        except subprocess.TimeoutExpired:
            raise Unaudited(f"no answer within {_MINUTES} minutes") from None
        _refuse_doubts(done.stderr)
        try:
            found: list[Any] = json.loads(report.read_text())["dependencies"]
        except (OSError, ValueError, KeyError):
            # It ends with a traceback, and the status of a vulnerability, where nobody answers.
            raise Unaudited((done.stderr.strip() or "no report").splitlines()[-1]) from None
        return found


def _refuse_doubts(said: str) -> None:
    """Refuse a report that pip-audit itself says leaves something out."""
    doubts = [line for line in said.splitlines() if line.startswith("WARNING:pip_audit._service")]
    if doubts:
        raise Unaudited(doubts[0])


def _vulnerable(packages: Sequence[Any]) -> Iterator[str]:
    for one in packages:
        for known in one.get("vulns", ()):
            repaired = ", ".join(known["fix_versions"]) or "no version yet"
            yield f"{one['name']} {one['version']} has {known['id']}, repaired in {repaired}"


def _left_out(lock: str, packages: Sequence[Any]) -> Iterator[str]:
    looked_up = {(_plain(one["name"]), one.get("version")) for one in packages}
    why = {_plain(one["name"]): one["skip_reason"] for one in packages if "skip_reason" in one}
    locked = _LOCKED.findall(lock)
    if not locked:
        yield "no package is locked there"
    for name, version in locked:
        if (_plain(name), version) not in looked_up:
            reason = why.get(_plain(name), "it is not in pip-audit's report")
            yield f"{name} {version} could not be audited: {reason}"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
