"""What settings may not name and what an answer says itself are the same."""

from queryapi.services.vitals.answers import ServiceItem
from queryapi.settings.watchedchecks import RESERVED

_AN_OPERATORS = {"events_per_second", "events_per_hour", "uptime_seconds"}


def test_every_field_of_an_entry_is_reserved_but_for_those_that_may_be_told() -> None:
    """Rates and the uptime may come from PromQL; nothing else takes a field's place."""
    assert set() == set(ServiceItem.__struct_fields__) - RESERVED - _AN_OPERATORS
    assert set() == RESERVED & _AN_OPERATORS
