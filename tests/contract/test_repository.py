"""The repository keeps its own word: pages, commands, what a distribution holds."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from demo.stack import ROOT
from exporter.version import __version__
from queryapi.storage import upgrade
from tools import docs

_COMMAND = re.compile(r"(?:`|^    )make ([a-z]+)", re.MULTILINE)


def test_generated_pages_are_current() -> None:
    """`make docs` would change nothing."""
    assert 0 == docs.main(["--check"])


def test_an_outdated_page_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A page that differs from what it is made from fails the check, and writing it mends that."""
    page = tmp_path / "page.md"
    monkeypatch.setattr(docs, "pages", lambda: iter([(page, "new\n")]))
    outdated, written, current = docs.main(["--check"]), docs.main([]), docs.main(["--check"])

    assert (1, 0, 0) == (outdated, written, current)
    assert "new\n" == page.read_text()


def test_the_readmes_commands_exist() -> None:
    """Every `make` command that a page shows is one of the Makefile's."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    shown = {command for page in pages for command in _COMMAND.findall(page.read_text())}

    assert {"up", "test", "lint", "setup"} <= shown
    assert set() == shown - targets


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link of a page names a file that exists."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]

    assert [] == broken


def _anchors(page: Path) -> set[str]:
    """Return what can be linked of a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_links_into_pages_lead_to_a_heading() -> None:
    """Every `#…` of a link between pages is one of the other page's headings."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.name}: {target}#{anchor}"
        for page in pages
        for target, anchor in re.findall(r"\]\(([^)#:]*\.md|)#([^)]+)\)", page.read_text())
        if anchor not in _anchors(page.parent / target if target else page)
    ]

    assert [] == broken


def test_the_distribution_holds_the_products_and_nothing_else(tmp_path: Path) -> None:
    """The wheel has both packages with their commands, and no demo, tests or tools."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("gpuscope-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.split("/")[0] for name in names}

    assert {"exporter", "queryapi", f"gpuscope-{__version__}.dist-info"} == tops
    # What is no Python is packaged too, and what is only found by its path.
    assert {"queryapi/api/templates/docs.html", "queryapi/api/assets/docs.css"} <= names
    migrations = {Path(script.path).name for script in upgrade.migrations().walk_revisions()}
    assert {f"queryapi/storage/migrations/{name}" for name in migrations} <= names


def test_each_image_installs_only_its_half() -> None:
    """No package of one product's extra stands in the other product's lock, bar shared ones."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {
        name: {re.split(r"[\[<>=!]", requirement)[0] for requirement in requirements}
        for name, requirements in project["optional-dependencies"].items()
    }
    locks = {
        name: set(
            re.findall(
                r"^([a-z0-9-]+)==", (ROOT / "locks" / f"{name}.txt").read_text(), re.MULTILINE
            )
        )
        for name in ("exporter", "queryapi")
    }

    assert extras["exporter"] <= locks["exporter"]
    assert extras["queryapi"] | extras["doctor"] | extras["tracing"] <= locks["queryapi"]
    assert set() == locks["exporter"] & {"flask", "gunicorn"}
    assert set() == locks["queryapi"] & {"kubernetes", "nvidia-ml-py", "cheroot"}
