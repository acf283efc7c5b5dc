"""Services that nobody could look at are refused, and so are answers that could not be told."""

import re
from typing import Any

import msgspec
import pytest
import yaml

from demo.stack import ROOT
from queryapi.errors import ConfigurationError
from queryapi.settings import Service, Settings
from queryapi.settings.checks import check

_URL = "http://127.0.0.1:8001/health"


def _checked(*services: dict[str, Any]) -> Settings:
    return check(Settings(services=msgspec.convert(services, tuple[Service, ...])))


@pytest.mark.parametrize(
    ("expected", "changed"),
    [
        ("give job, health_url or numbers", {"health_url": None}),
        ("give job, health_url or numbers", {"health_url": "", "job": ""}),
        ("cluster: 'x' is not among the clusters (prod-cluster)", {"cluster": "x"}),
        ("instance: is one of a job's", {"instance": "a:1"}),
        ("not an http(s) URL", {"health_url": "127.0.0.1:8001"}),
        ("not an http(s) URL", {"health_url": "file:///etc/passwd"}),
        ("not an http(s) URL", {"health_url": "http://"}),
        ("not an http(s) URL", {"health_url": "http://x:y"}),
        ("without user and fragment", {"health_url": "http://u:secret@x/"}),
        ("without user and fragment", {"health_url": f"{_URL}#secret"}),
        ("percent-encoded", {"health_url": f"{_URL}/é"}),
        ("percent-encoded", {"health_url": f"{_URL} b"}),
        ("headers: 'X Y' cannot be sent", {"headers": {"X Y": "secret"}}),
        ("headers: 'X' cannot be sent", {"headers": {"X": "secret\r\nY: b"}}),
        ("headers: 'Connection' is not", {"headers": {"Connection": "secret"}}),
        ("ca_file: there is no file '/no'", {"ca_file": "/no"}),
        ("job: cannot be matched", {"job": "\ud800"}),
        ("instance: cannot be matched", {"job": "a", "instance": "\ud800"}),
        ("'A' is not a field name", {"numbers": {"A": "up"}}),
        ("'1a' is not a field name", {"numbers": {"1a": "up"}}),
        ("'status' is something the answer says itself", {"numbers": {"status": "up"}}),
        ("'a' is not valid Unicode", {"numbers": {"a": "\ud800"}}),
    ],
    ids=str,
)
def test_a_service_that_cannot_be_looked_at_is_refused(
    expected: str, changed: dict[str, object]
) -> None:
    """The message names the service, the setting and what is wrong, and no secret."""
    with pytest.raises(ConfigurationError) as failure:
        _checked({"name": "s", "health_url": _URL, **changed})

    assert str(failure.value).startswith("services[s]")
    assert expected in str(failure.value)
    assert "secret" not in str(failure.value)


def test_services_have_different_names() -> None:
    """Two of one name could not be told apart."""
    service = {"name": "s", "health_url": _URL}
    with pytest.raises(ConfigurationError, match="same name"):
        _checked(service, service)


def test_a_service_may_tell_its_own_rate_of_events() -> None:
    """What the document shows as a service's number is one."""
    numbers = {"events_per_second": "up", "events_per_minute": "up", "processing_rate": "up"}

    assert _checked({"name": "s", "numbers": numbers}).services[0].numbers == numbers


def test_the_pages_example_is_accepted() -> None:
    """What docs/real-time-metrics.md shows can be copied."""
    page = (ROOT / "docs" / "real-time-metrics.md").read_text()
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    settings = check(msgspec.convert(yaml.safe_load(example), Settings))

    assert 3 == len(settings.services)
    assert settings.real_time_metrics.built_in
