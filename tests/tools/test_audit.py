"""Promises of `make audit`: what it could not look up is never taken for clean."""

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.processes import LOOPBACK, free_port
from tests.support.manifests import ROOT
from tests.support.raw_server import RawServer, http, read_request, saying_once
from tests.support.whole import WHOLE
from tools.audit import main

pytestmark = pytest.mark.attacks

_HASH = f"--hash=sha256:{64 * '0'}"
_LOCK = f"""\
Good.one==1.0 \\
    {_HASH}
elsewhere==2.0 ; sys_platform == 'nowhere' and python_version < '4' \\
    {_HASH}
"""
_KNOWN = {
    "id": "PYSEC-1",
    "affected": [
        {
            "package": {"name": "elsewhere", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}],
        }
    ],
}
# Whether nobody listens or somebody hangs up is the same to pip-audit.
_NO_ANSWERS = [http(b"", status="503 Down"), http(b"<html>"), None, *([b""] if WHOLE else [])]
_REAL = pytest.mark.skipif(
    importlib.util.find_spec("pip_audit") is None, reason="no pip-audit here: make setup"
)


Audit = Callable[..., tuple[int, str]]


@pytest.fixture(name="audit")
def _audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Audit:
    """Return what audits *lock* and returns status and output; a *stub* has its own pip_audit."""

    def run(*arguments: str, stub: Path | None = None, lock: str = _LOCK) -> tuple[int, str]:
        (tmp_path / "lock.txt").write_text(lock)
        if stub:
            path = os.pathsep.join(filter(None, (str(stub), os.environ.get("PYTHONPATH"))))
            monkeypatch.setenv("PYTHONPATH", path)
            monkeypatch.syspath_prepend(stub)
        status = main([*arguments, str(tmp_path / "lock.txt")])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def _service(known: object) -> RawServer:
    """Return a service that knows one thing of `elsewhere`, and nothing of all others."""

    def manners(connection: object) -> None:
        while asked := read_request(connection):  # type: ignore[arg-type]
            found = {"vulns": [known]} if known and b'"elsewhere"' in asked else {}
            connection.sendall(http(json.dumps(found).encode()))  # type: ignore[attr-defined]

    return RawServer(manners)


def _stub(folder: Path, *packages: object, says: str = "") -> Path:
    """Write a pip-audit that reports *packages* and ends well."""
    program = folder / "stub" / "pip_audit" / "__main__.py"
    program.parent.mkdir(parents=True)
    (program.parent / "__init__.py").touch()
    program.write_text(
        "import pathlib, sys\n"
        f"print({says!r}, file=sys.stderr)\n"
        "path = pathlib.Path(sys.argv[sys.argv.index('--output') + 1])\n"
        f"path.write_text({json.dumps({'dependencies': packages})!r})\n"
    )
    return folder / "stub"


_GOOD = {"name": "good-one", "version": "1.0", "vulns": []}
_ELSEWHERE = {"name": "elsewhere", "version": "2.0", "vulns": []}


@_REAL
def test_nothing_known_is_clean(audit: Audit) -> None:
    """0 when the service has answered for every package, and knows nothing of any."""
    with _service(None) as service:
        status, said = audit(f"--url={service.url}")

    assert (0, "audit: lock.txt: nothing is known of 2 packages\n") == (status, said)


@_REAL
def test_a_known_vulnerability_is_named(audit: Audit) -> None:
    """1, with package, advisory and repair; of a package too that is not installed here."""
    with _service(_KNOWN) as service:
        status, said = audit(f"--url={service.url}")

    assert 1 == status
    assert "elsewhere 2.0 has PYSEC-1, repaired in 2.1" in said


@_REAL
def test_an_advisory_that_cannot_be_read_is_no_good_news(audit: Audit) -> None:
    """2 when the service knows something that pip-audit does not understand."""
    with _service({**_KNOWN, "schema_version": "2.0.0"}) as service:
        status, said = audit(f"--url={service.url}")

    assert 2 == status
    assert "could not be audited" in said


@_REAL
@pytest.mark.parametrize("answer", _NO_ANSWERS)
def test_a_service_that_is_not_there_is_no_good_news(audit: Audit, answer: bytes | None) -> None:
    """2, and the reason, when nobody listens, or answers with anything but advisories."""
    with RawServer(saying_once(answer or b"")) as server:
        url = server.url if answer is not None else f"http://{LOOPBACK}:{free_port()}"
        status, said = audit(f"--url={url}")

    assert 2 == status
    assert "lock.txt could not be audited: " in said


@pytest.mark.parametrize(
    ("expected", "packages", "said", "told"),
    [
        (0, [_GOOD, _ELSEWHERE], "", "nothing is known of 2 packages"),
        (2, [_GOOD], "", "elsewhere 2.0 could not be audited: it is not in pip-audit's report"),
        (
            2,
            [_GOOD, {"name": "elsewhere", "skip_reason": "not found"}],
            "",
            "elsewhere 2.0 could not be audited: not found",
        ),
        (2, [_GOOD, {**_ELSEWHERE, "version": "1.9"}], "", "elsewhere 2.0 could not be audited"),
        (2, [_GOOD, _ELSEWHERE], "WARNING:pip_audit._service.osv:left out", "left out"),
        (2, [], "", "good.one 1.0 could not be audited"),
        (
            1,
            [{**_ELSEWHERE, "vulns": [{"id": "A-1", "fix_versions": []}]}],
            "",
            "has A-1, repaired in no version yet",
        ),
    ],
    ids=["clean", "missing", "skipped", "other version", "doubt", "nothing", "vulnerable"],
)
def test_every_package_must_have_been_looked_up(
    audit: Audit, tmp_path: Path, expected: int, packages: list[object], said: str, told: str
) -> None:
    """What pip-audit passes over with a status of 0 is named here, and fails."""
    status, output = audit(stub=_stub(tmp_path, *packages, says=said))

    assert expected == status, output
    assert told.lower() in output.lower()


def test_without_a_report_nothing_is_known(audit: Audit, tmp_path: Path) -> None:
    """2 when pip-audit breaks off, though it does so with the status of a vulnerability."""
    stub = _stub(tmp_path)
    (stub / "pip_audit" / "__main__.py").write_text("raise SystemExit('it broke')")

    assert (2, "audit: lock.txt could not be audited: it broke\n") == audit(stub=stub)


def test_a_file_that_locks_nothing_is_not_clean(audit: Audit, tmp_path: Path) -> None:
    """2: an empty lock file is a mistake, and so is a name without a version."""
    stub = _stub(tmp_path)

    assert 2 == audit(stub=stub, lock="")[0]
    assert 2 == audit(stub=stub, lock="loose>=1\n")[0]


def test_every_lock_file_is_looked_at() -> None:
    """Each package of each file has a line of the form that is looked for."""
    for path in (ROOT / "locks").iterdir():
        begun = [it for it in path.read_text().splitlines() if it and not it.startswith((" ", "#"))]

        assert path.suffix == ".txt"
        assert [] == [line for line in begun if "==" not in line], path
