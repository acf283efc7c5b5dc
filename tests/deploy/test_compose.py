"""Promises of docker-compose.yml: what holds of every service, whichever engine runs it."""

import configparser
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from demo.stack import ROOT
from tests.support.compose import FILE, local, mounts, project, raw, services

TOOLS = ROOT / ".tools"
SERVICES = services()
EVERY = pytest.mark.parametrize("name", sorted(SERVICES))
WITHOUT_HEALTH = {
    "tokens": "ends when it has written a token",
    "demo-work": "serves nothing; it ends, and is started again, when it cannot go on",
}
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}")


def _of_shipped(path: Path) -> list[dict[str, Any]]:
    """Return the scrape jobs of a Prometheus configuration, without where their targets are."""
    jobs = yaml.safe_load(path.read_text())["scrape_configs"]
    return [
        {
            key: value
            for key, value in job.items()
            if not key.endswith("_sd_configs") and key not in ("static_configs", "relabel_configs")
        }
        for job in jobs
    ]


def test_the_file_is_what_the_specification_allows() -> None:
    """The schema of the Compose specification finds nothing wrong."""
    schema = TOOLS / "schemas" / "compose-spec.json"
    if not schema.exists():
        pytest.skip("no schema of the Compose specification here: tools/gotools fetches it")

    jsonschema.validate(project(), json.loads(schema.read_text()))


def test_the_engines_own_loader_takes_the_file() -> None:
    """The library by which Docker Compose reads files reads this one."""
    loader = TOOLS / "bin" / "cmd"
    if not loader.exists():
        pytest.skip("no loader of the Compose specification here: tools/gotools compiles it")
    read = subprocess.run(
        [loader, "--format=json", FILE], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert (0, "") == (read.returncode, read.stderr)
    assert SERVICES.keys() == json.loads(read.stdout)["services"].keys()


def test_whatever_is_named_is_declared() -> None:
    """Volumes, networks, secrets and services that a service names are in the file."""
    content = project()
    for service in SERVICES.values():
        named = {source for source, _, _ in mounts(service) if not source.startswith((".", "/"))}

        assert set() == named - content["volumes"].keys()
        assert set() == set(service.get("networks", [])) - content["networks"].keys()
        assert set() == set(service.get("secrets", [])) - content["secrets"].keys()
        assert set() == service.get("depends_on", {}).keys() - SERVICES.keys()


def test_no_service_waits_for_one_that_its_profile_leaves_out() -> None:
    """Who waits for a service of another profile goes on without it."""
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            profiles = SERVICES[other].get("profiles")
            together = profiles is None or set(service.get("profiles", ["none"])) <= set(profiles)

            assert together or how["required"] is False


@EVERY
def test_a_service_may_do_no_more_than_it_must(name: str) -> None:
    """Each has a user who is not root, a read-only root, no capability, and limits."""
    service = SERVICES[name]

    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert service["read_only"] is True
    assert ["ALL"] == service["cap_drop"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert re.fullmatch(r"\d+[MG]", service["deploy"]["resources"]["limits"]["memory"])
    assert service["pids_limit"] > 0
    assert {"max-size", "max-file"} == service["logging"]["options"].keys()


@EVERY
def test_a_service_says_whether_it_is_well(name: str) -> None:
    """Each has a check with time to start, bar the two that serve nothing."""
    check = SERVICES[name]["healthcheck"]

    if name in WITHOUT_HEALTH:
        assert {"disable": True} == check
    else:
        assert {"test", "interval", "timeout", "start_period"} == check.keys()
        assert "CMD" == check["test"][0]
        assert "curl" not in check["test"]


@EVERY
def test_a_port_is_published_on_loopback_only(name: str) -> None:
    """Nobody reaches a service from another machine unless somebody changes the file."""
    for port in SERVICES[name].get("ports", []):
        address, outside, inside = port.split(":")

        assert ("127.0.0.1", outside) == (address, inside)


@EVERY
def test_what_is_mounted_is_there_and_stays_as_it_is(name: str) -> None:
    """Folders of the checkout exist, whole and read only: a file alone would miss a new version."""
    for source, target, writable in mounts(SERVICES[name]):
        assert target.startswith("/")
        if source.startswith("."):
            assert local(source).is_dir(), source
            assert not writable
        elif source.startswith("/"):
            assert ("node-exporter", False) == (name, writable)


@EVERY
def test_an_image_is_one_of_ours_or_pinned(name: str) -> None:
    """Others' images are named with version and digest; ours are built from this checkout."""
    service = SERVICES[name]
    if "build" in service:
        assert ":" not in service["image"]
        assert (ROOT / service["build"]["dockerfile"]).is_file()
    else:
        assert PINNED.fullmatch(service["image"]), service["image"]


def test_no_password_stands_in_the_file() -> None:
    """Without a password there is no administrator of Grafana, and no PostgreSQL begins."""
    settings = configparser.ConfigParser()
    settings.read(local("./deploy/compose/grafana/grafana.ini"))
    without = services()["grafana"]["environment"]
    given = services(GRAFANA_ADMIN_PASSWORD="a secret")["grafana"]["environment"]  # noqa: S106
    disable, password = (
        "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION",
        "GF_SECURITY_ADMIN_PASSWORD",
    )

    assert ("", "") == (without[disable], without[password])
    assert "true" == settings["security"]["disable_initial_admin_creation"]
    assert not settings.has_option("security", "admin_password")
    assert "Viewer" == settings["auth.anonymous"]["org_role"]
    assert ("false", "a secret") == (given[disable], given[password])
    assert {"file": os.devnull} == project()["secrets"]["postgres_password"]
    assert "POSTGRES_PASSWORD" not in SERVICES["postgres"]["environment"]


def test_grafana_begins_with_a_dashboard_that_is_there() -> None:
    """The home page is one of those that are mounted."""
    settings = configparser.ConfigParser()
    settings.read(local("./deploy/compose/grafana/grafana.ini"))
    home = settings["dashboards"]["default_home_dashboard_path"]
    folders = {target: local(source) for source, target, _ in mounts(SERVICES["grafana"])}
    [folder] = [target for target in folders if target.endswith("dashboards")]

    assert (folders[folder] / Path(home).relative_to(folder)).is_file()


def test_prometheus_scrapes_as_it_is_shipped() -> None:
    """Only where the targets are differs from prometheus/prometheus.yml."""
    shipped = _of_shipped(ROOT / "prometheus" / "prometheus.yml")

    assert shipped == _of_shipped(ROOT / "deploy" / "compose" / "prometheus" / "prometheus.yml")


def test_several_workers_take_one_file_of_settings() -> None:
    """deploy/compose/scale.env sets what the query API and PostgreSQL are given, and no more."""
    lines = (ROOT / "deploy" / "compose" / "scale.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    passed = set(raw()["services"]["queryapi"]["environment"])

    assert given.keys() == passed | {"POSTGRES_PASSWORD_FILE"}
    assert "@postgres/" in given["GPUSCOPE_DATABASE_URL"]
    assert "//redis:" in given["GPUSCOPE_REDIS_URL"]
    assert (
        f"/run/secrets/{SERVICES['queryapi']['secrets'][0]}"
        == given["GPUSCOPE_DATABASE_PASSWORD_FILE"]
    )
