"""Promises of the images: what they are made from, and what a running one may do."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from demo.stack import ROOT
from tests.support.compose import services
from tests.support.dockerfile import Stage, stages

FILES = sorted((ROOT / "deploy" / "docker").glob("*.Dockerfile"))
EVERY = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
PINNED = re.compile(r"python:3\.1[12]\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}")
LOCKS = ROOT / "locks"


def _of_context(path: Path) -> list[str]:
    """Return what a Dockerfile copies from the checkout."""
    copies = [text.split() for stage in stages(path)[1] for text in stage.of("COPY")]
    return [source for words in copies if "--from" not in words[0] for source in words[:-1]]


def _final(path: Path) -> Stage:
    return stages(path)[1][-1]


def _locked(name: str) -> dict[str, str]:
    """Return each package of a lock file with all that is said of it."""
    text = (LOCKS / f"{name}.txt").read_text()
    blocks = re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]
    return {block.split("==")[0]: block for block in blocks}


def test_there_is_an_image_for_each_part() -> None:
    """The exporters, the query API, and the demo fleet."""
    used = {it["build"]["dockerfile"] for it in services().values() if "build" in it}

    assert ["demo", "exporter", "queryapi"] == [path.stem.split(".")[0] for path in FILES]
    assert used == {str(path.relative_to(ROOT)) for path in FILES}


@EVERY
def test_a_build_begins_where_it_is_said(path: Path) -> None:
    """Every stage begins from one base, by version and digest."""
    arguments, found = stages(path)

    assert {"${PYTHON}"} == {stage.base for stage in found}
    assert PINNED.fullmatch(arguments["PYTHON"])
    assert ["build", ""] == [stage.name for stage in found]


@EVERY
def test_only_what_is_locked_is_installed(path: Path) -> None:
    """Each package is one of a lock file, held to its hash, and is compiled nowhere."""
    [build, _] = stages(path)[1]
    installs = [text for text in build.of("RUN") if " install " in text and "pip" in text]

    assert 3 == len(installs)
    for install in installs[:2]:
        assert "--require-hashes --only-binary=:all: -r locks/" in install
    assert "--no-deps --no-index" in installs[2]


@EVERY
def test_the_final_stage_holds_what_runs(path: Path) -> None:
    """No compiler and no installer's step: only what the first stage has made."""
    final = _final(path)

    assert all("--from=build" in text for text in final.of("COPY"))
    assert not re.search(r"apt|pip|gcc|curl", " ".join(final.of("RUN")))


@EVERY
def test_an_image_runs_as_nobody_in_particular(path: Path) -> None:
    """Its user is a number, so that an orchestrator can see that it is not root."""
    assert ["10001:10001"] == _final(path).of("USER")


@EVERY
def test_an_image_tells_of_itself(path: Path) -> None:
    """It has labels, ports, a command, and a check that needs nothing but Python."""
    final = _final(path)
    labels = " ".join(final.of("LABEL"))
    [health] = final.of("HEALTHCHECK")

    for label in ("title", "description", "licenses"):
        assert f"org.opencontainers.image.{label}=" in labels
    assert final.of("EXPOSE")
    assert json.loads(final.of("ENTRYPOINT")[0])
    assert "python" == json.loads(health.partition("CMD ")[2])[0]


@EVERY
def test_what_is_copied_is_in_the_context(path: Path) -> None:
    """Each source exists, and .dockerignore lets it through."""
    let_through = {
        line[1:].rstrip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for source in _of_context(path):
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in let_through, source


def test_locks_of_images_agree_with_the_developers() -> None:
    """What an image runs is what was tested: same versions, same hashes."""
    tested = _locked("dev")
    for name in ("build", "demo", "exporter", "queryapi"):
        locked = _locked(name)

        assert {it: tested[it] for it in locked} == locked


def test_the_wheel_is_built_with_what_it_asks_for() -> None:
    """The build's lock file has what pyproject.toml requires of whoever builds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert project["build-system"]["requires"] == project["dependency-groups"]["build"]
    assert "hatchling" in _locked("build")


def test_the_wheel_can_be_built_from_what_is_copied(tmp_path: Path) -> None:
    """The files that a Dockerfile copies are enough for a wheel with both commands."""
    context = tmp_path / "context"
    context.mkdir()
    ignore = shutil.ignore_patterns("__pycache__")
    for source in _of_context(ROOT / "deploy" / "docker" / "exporter.Dockerfile"):
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, context / source, ignore=ignore)
        elif not source.startswith("locks/"):
            shutil.copy(ROOT / source, context / source)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=context,
        check=True,
        capture_output=True,
    )

    assert 1 == len(list(tmp_path.glob("gpuscope-*.whl")))
