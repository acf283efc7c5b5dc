"""What Grafana is told at its start: where data comes from, and where dashboards are."""

from typing import Any

import pytest
import yaml

from demo.stack import ROOT
from tests.support.boards import boards

HOME = ROOT / "grafana" / "provisioning"
DASHBOARDS = "/var/lib/grafana/dashboards"
SOURCES = sorted((HOME / "datasources").glob("*.yml*"))


def _read(path: str) -> Any:
    return yaml.safe_load((HOME / path).read_text())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_data_source_is_the_same_in_every_grafana(path: Any) -> None:
    """Each has a uid of its own that never changes, is asked by the server, and is not edited."""
    content = yaml.safe_load(path.read_text())

    assert 1 == content["apiVersion"]
    for source in content["datasources"]:
        assert source["uid"].startswith("gpuscope-")
        assert ("proxy", False) == (source["access"], source["editable"])
        assert source["url"].startswith("http://")


def test_every_data_source_has_a_uid_and_a_name_of_its_own() -> None:
    """No file overwrites what another one provides, and one source is the default."""
    every = [
        source for path in SOURCES for source in yaml.safe_load(path.read_text())["datasources"]
    ]

    assert len(every) == len({source["uid"] for source in every})
    assert len(every) == len({source["name"] for source in every})
    assert ["gpuscope-prometheus"] == [s["uid"] for s in every if s.get("isDefault")]


def test_rates_are_of_at_least_four_scrapes() -> None:
    """Grafana is told the interval at which Prometheus scrapes."""
    [prometheus, alertmanager] = _read("datasources/prometheus.yml")["datasources"]
    scraped = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())

    assert scraped["global"]["scrape_interval"] == prometheus["jsonData"]["timeInterval"]
    assert alertmanager["uid"] == prometheus["jsonData"]["alertmanagerUid"]


def test_only_what_needs_no_plugin_is_provided_unasked() -> None:
    """A Grafana without plugins starts without a complaint."""
    found = [
        source["type"]
        for path in SOURCES
        if path.suffix == ".yml"
        for source in yaml.safe_load(path.read_text())["datasources"]
    ]

    assert {"prometheus", "alertmanager"} == set(found)


def test_a_token_is_kept_encrypted_and_never_in_a_file() -> None:
    """The query API's token comes from the environment into a header that Grafana shows nobody."""
    [source] = _read("datasources/queryapi.yml.example")["datasources"]

    assert "Authorization" == source["jsonData"]["httpHeaderName1"]
    assert {"httpHeaderValue1": "Bearer $GPUSCOPE_API_TOKEN"} == source["secureJsonData"]
    assert [source["url"]] == source["jsonData"]["allowedHosts"]


def test_dashboards_come_from_their_folder_and_nowhere_else() -> None:
    """They cannot be changed in Grafana, and one whose file is gone goes."""
    [provider] = _read("dashboards/gpuscope.yml")["providers"]

    assert DASHBOARDS == provider["options"]["path"]
    assert (False, False) == (provider["allowUiUpdates"], provider["disableDeletion"])
    assert "file" == provider["type"]


def test_containers_find_both_folders_where_grafana_looks() -> None:
    """docker-compose.yml mounts them there, read-only."""
    path = ROOT / "docker-compose.yml"
    if not path.exists():
        pytest.skip("there is no docker-compose.yml yet")
    mounted = yaml.safe_load(path.read_text())["services"]["grafana"]["volumes"]

    assert {
        f"./grafana/dashboards:{DASHBOARDS}:ro",
        "./grafana/provisioning:/etc/grafana/provisioning:ro",
    } <= set(mounted)


def test_the_page_names_every_dashboard() -> None:
    """Whoever looks for a dashboard finds it in docs/grafana.md."""
    page = (ROOT / "docs" / "grafana.md").read_text()

    assert [] == [uid for uid in boards() if f"`{uid}`" not in page]
