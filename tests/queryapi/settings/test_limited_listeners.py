"""Listeners that the service must not have are refused with a reason."""

import pytest

from queryapi.errors import ConfigurationError
from queryapi.settings import Api, Settings
from queryapi.settings.checks import check

HERE = ("127.0.0.1:1", "[::1]:2")


def test_the_documents_port_serves_its_api_alone_by_default() -> None:
    """Scheduler monitoring has 50062 to itself, where that is listened on at all."""
    assert {50062: (Api.MONITORING,)} == check(Settings()).listen_apis
    assert HERE == check(Settings(listen=HERE)).listen


@pytest.mark.parametrize("apis", [{}, {1: ()}, {2: (Api.JOBS, Api.POOLS)}, {1: (), 2: ()}])
def test_ports_that_are_listened_on_may_be_limited(apis: dict[int, tuple[Api, ...]]) -> None:
    """To some APIs, or to none: then only health and metrics are left."""
    settings = Settings(listen=HERE, listen_apis=apis, stream_listen=None)

    assert apis == check(settings).listen_apis


@pytest.mark.parametrize("port", [3, 0, -1, 50062])
def test_a_limit_that_limits_nothing_is_refused(port: int) -> None:
    """A mistyped port would leave open what was to be closed."""
    with pytest.raises(ConfigurationError) as failure:
        check(Settings(listen=HERE, listen_apis={1: (Api.JOBS,), port: (Api.JOBS,)}))

    assert (
        f"listen_apis: nothing listens on port {port}, so that it would limit nothing; listen has"
        " 1, 2"
    ) == str(failure.value)
