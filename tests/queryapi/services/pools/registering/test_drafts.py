"""What callers want of a pool is understood, or everything that is wrong with it is told."""

import contextlib
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.errors import InvalidParameter
from queryapi.services.pools.answers import PoolItem
from queryapi.services.pools.registering.drafts import Draft, Patch, draft_of, patch_of
from queryapi.services.pools.registering.wanted import PoolChange, PoolWanted
from queryapi.storage.records import NodeType
from tests.support import pools

WHOLE = dict(pools.WHOLE)
_NO_COUNT = "nodeTypes[0].count must be a positive integer"


def _refusal(body: dict[str, Any], *, change: bool = False) -> str:
    with pytest.raises(InvalidParameter) as refused:
        patch_of(body) if change else draft_of(body)
    return str(refused.value)


def test_the_documents_example_is_a_pool() -> None:
    """Field by field."""
    assert Draft(
        name="New Compute Pool",
        description="Description of the new compute pool",
        region="us-west-2",
        provider="AWS",
        node_types=(NodeType("g5.12xlarge", 8),),
        tags=("development", "testing"),
    ) == draft_of(WHOLE)


def test_some_fields_may_be_left_out() -> None:
    """Description, tags, and what the document does not know."""
    needed = {field: WHOLE[field] for field in ("name", "region", "provider", "nodeTypes")}
    draft = draft_of(needed)

    assert ("", (), "", None, False) == (
        draft.description, draft.tags, draft.cluster, draft.selector, draft.maintenance,
    )  # fmt: skip


def test_what_is_kept_is_written_in_one_way() -> None:
    """Space around it goes, letters are composed, and what is there twice is there once."""
    draft = draft_of(
        WHOLE
        | {
            "name": "  Mu\u0308ller\u00a0",
            "description": "two\nlines",
            "tags": [" a", "b", "a ", "u\u0308", "ü"],
            "cluster": "west",
            "selector": {"instanceType": "g5 ", "pool": ["a", "b", "a"]},
            "maintenance": True,
        }
    )

    assert ("Müller", "two\nlines", ("a", "b", "ü")) == (draft.name, draft.description, draft.tags)
    assert {"instance_type": ("g5",), "pool": ("a", "b")} == draft.selector
    assert ("west", True) == (draft.cluster, draft.maintenance)


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("name must be a string", {"name": 7}),
        ("name must be a string", {"name": None}),
        ("name must not be blank", {"name": ""}),
        ("name must not be blank", {"name": " \u00a0\u2003"}),
        ("name must not be blank", {"name": "\u3164\u2800\ufe0f"}),
        ("name must be at most 128 characters long", {"name": "x" * 129}),
        ("name must not contain U+0000", {"name": "a\0b"}),
        ("name must not contain U+000A", {"name": "a\nb"}),
        ("name must not contain U+007F", {"name": "a\x7fb"}),
        ("name must not contain U+202E (RIGHT-TO-LEFT OVERRIDE)", {"name": "a\u202eb"}),
        ("name must not contain U+2066 (LEFT-TO-RIGHT ISOLATE)", {"name": "a\u2066b"}),
        ("name must not contain U+200B (ZERO WIDTH SPACE)", {"name": "a\u200bb"}),
        ("name must not contain U+FEFF (ZERO WIDTH NO-BREAK SPACE)", {"name": "\ufeffa"}),
        ("name must not contain U+2028 (LINE SEPARATOR)", {"name": "a\u2028b"}),
        ("name must not contain U+E0041 (TAG LATIN CAPITAL LETTER A)", {"name": "a\U000e0041"}),
        ("name must not contain U+E000", {"name": "a\ue000"}),
        ("description must be a string", {"description": None}),
        ("description must be at most 1024 characters long", {"description": "x" * 1025}),
        ("description must not contain U+0008", {"description": "a\bb"}),
        ("region must not be blank", {"region": "  "}),
        ("region must be a string", {"region": ["a"]}),
        ("provider must be at most 128 characters long", {"provider": "x" * 129}),
        ("nodeTypes must be an array", {"nodeTypes": {"type": "a", "count": 1}}),
        ("nodeTypes must not be empty", {"nodeTypes": []}),
        (
            "nodeTypes must have at most 64 items",
            {"nodeTypes": [{"type": f"t{at}", "count": 1} for at in range(65)]},
        ),
        ("nodeTypes[0] must be an object", {"nodeTypes": ["g5"]}),
        ("nodeTypes[0].type is required", {"nodeTypes": [{"count": 1}]}),
        ("nodeTypes[0].type must not be blank", {"nodeTypes": [{"type": " ", "count": 1}]}),
        ("nodeTypes[0].count is required", {"nodeTypes": [{"type": "a"}]}),
        (_NO_COUNT, {"nodeTypes": [{"type": "a", "count": 0}]}),
        (_NO_COUNT, {"nodeTypes": [{"type": "a", "count": -1}]}),
        (_NO_COUNT, {"nodeTypes": [{"type": "a", "count": True}]}),
        (_NO_COUNT, {"nodeTypes": [{"type": "a", "count": 8.0}]}),
        (_NO_COUNT, {"nodeTypes": [{"type": "a", "count": 1.5}]}),
        (_NO_COUNT, {"nodeTypes": [{"type": "a", "count": "8"}]}),
        (_NO_COUNT, {"nodeTypes": [{"type": "a", "count": None}]}),
        (
            "nodeTypes[0].count must be at most 10000",
            {"nodeTypes": [{"type": "a", "count": 10_001}]},
        ),
        (
            'nodeTypes[1].type is there twice: "a"',
            {"nodeTypes": [{"type": "a", "count": 1}, {"type": " a", "count": 2}]},
        ),
        (
            'nodeTypes[0]: "cuont" is unknown: did you mean count?',
            {"nodeTypes": [{"type": "a", "count": 1, "cuont": 1}]},
        ),
        ("tags must be an array", {"tags": "a,b"}),
        ("tags must have at most 32 items", {"tags": [str(at) for at in range(33)]}),
        ("tags[1] must be a string", {"tags": ["a", 1]}),
        ("tags[0] must not be blank", {"tags": [""]}),
        ("tags[0] must be at most 64 characters long", {"tags": ["x" * 65]}),
        ("maintenance must be true or false", {"maintenance": "yes"}),
        ("maintenance must be true or false", {"maintenance": 1}),
        ("selector must be an object", {"selector": None}),
        (
            "selector must have at least one of pool, model, instanceType, zone, region, provider",
            {"selector": {}},
        ),
        ("selector.zone must not be empty", {"selector": {"zone": []}}),
        ("selector.zone must be a string or an array of strings", {"selector": {"zone": 1}}),
        ("selector.zone[1] must be a string", {"selector": {"zone": ["a", 1]}}),
        ("selector.zone must have at most 32 items", {"selector": {"zone": ["a"] * 33}}),
        (
            'selector: "instance_type" is unknown: did you mean instanceType?',
            {"selector": {"instance_type": "g5"}},
        ),
        ("cluster must not be blank", {"cluster": ""}),
        ('"tag" is unknown: did you mean tags?', {"tag": ["a"]}),
        ('"node_types" is unknown: did you mean nodeTypes?', {"node_types": []}),
        ('"owner" is unknown', {"owner": "me"}),
        ('"\\u202e" is unknown', {"\u202e": 1}),
        (f'"{"x" * 37}..." is unknown', {"x" * 5000: 1}),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_told(expected: str, changes: dict[str, Any]) -> None:
    """Where it stands and what it must be; a change is held to the same rules as a new pool."""
    assert expected == _refusal(WHOLE | changes)
    if not changes.keys() & {"region", "provider", "cluster"}:
        assert expected == _refusal(changes, change=True)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """Nobody has to ask ten times to learn ten things."""
    assert (
        "region is required; provider is required; name must not be blank; " + _NO_COUNT
        == _refusal({"name": " ", "nodeTypes": [{"type": "a", "count": True}]})
    )
    assert "name is required; region is required; provider is required; nodeTypes is required" == (
        _refusal({})
    )


def test_an_answer_to_nonsense_is_short() -> None:
    """However much of it there is."""
    told = _refusal({f"{'x' * 1000}{at}": 1 for at in range(50_000)})

    assert told.endswith("; and 49984 more")
    assert len(told) < 2000


_MARKS = "\u0301\u0316"


@pytest.mark.parametrize(
    ("expected", "field", "value"),
    [
        ("must be at most 128 characters long", "name", "e" + 200_000 * _MARKS),
        ("must not have more than 30 marks on one letter", "name", "e" + 16 * _MARKS),
        ("must not have more than 30 marks on one letter", "description", "e" + 500 * _MARKS),
    ],
)
def test_no_text_takes_long_to_read(expected: str, field: str, value: str) -> None:
    """Not even marks in the wrong order, which Unicode sorts in the square of their number."""
    begun = time.process_time()

    assert f"{field} {expected}" == _refusal(WHOLE | {field: value})
    patch_of({"status": value})
    assert 2 > time.process_time() - begun


def test_letters_with_marks_are_composed_before_they_are_counted() -> None:
    """A name of as many letters as may be is good however its marks were sent."""
    assert 128 * "\u1f82" == draft_of(WHOLE | {"name": 128 * "\u03b1\u0313\u0300\u0345"}).name


_READ_ONLY = [
    field.encode_name
    for field in msgspec.structs.fields(PoolItem)
    if field.encode_name not in {one.encode_name for one in msgspec.structs.fields(PoolWanted)}
]


@pytest.mark.parametrize("field", _READ_ONLY)
def test_what_the_service_tells_cannot_be_said_of_a_new_pool(field: str) -> None:
    """Nobody makes themselves an active pool with a number of their own."""
    assert f"{field} is read-only" == _refusal(WHOLE | {field: "x"})


def test_a_pool_may_be_sent_back() -> None:
    """What cannot be changed is compared, what is measured is passed over, all else is a change."""
    told = {
        "status": "active", "nodeCount": 3, "cpuUtilization": 1.5, "memoryUtilization": None,
        "gpuUtilization": 0, "networkUtilization": "?", "readyNodes": 1, "gpus": 8,
        "allocatedGpus": 8, "statusReason": "", "unmeasured": [], "stale": True,
        "source": "labels", "id": "pool-1", "createdAt": "2026-01-15", "cluster": "c",
    }  # fmt: skip
    patch = patch_of(WHOLE | {"region": "", "description": ""} | told)

    assert Patch(
        name="New Compute Pool", description="", node_types=(NodeType("g5.12xlarge", 8),),
        tags=("development", "testing"), id="pool-1", region="", provider="AWS", cluster="c",
        status="active", created_at="2026-01-15",
    ) == patch  # fmt: skip
    assert set(_READ_ONLY) == told.keys() - {"cluster"}


def test_nothing_may_be_changed() -> None:
    """An empty object is a change of nothing."""
    assert Patch() == patch_of({})


@pytest.mark.parametrize("field", ["id", "region", "provider", "cluster", "status", "createdAt"])
def test_what_is_compared_is_text(field: str) -> None:
    """Else it cannot be what it is already."""
    assert f"{field} must be a string" == _refusal({field: 1}, change=True)


def test_the_description_knows_the_fields_that_are_read() -> None:
    """And no others."""
    for kind, taken in ((PoolWanted, Draft), (PoolChange, Patch)):
        described = {field.name for field in msgspec.structs.fields(kind)}
        read = {field.name for field in msgspec.structs.fields(taken)}

        assert described <= read
    assert {f.name for f in msgspec.structs.fields(PoolWanted)} == {
        f.name for f in msgspec.structs.fields(Draft)
    }


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "count", "zone", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_FIELDS = st.sampled_from([*WHOLE, *_READ_ONLY, "selector", "maintenance", "cluster", "x"])


@given(st.dictionaries(_FIELDS, _VALUES, max_size=6))
def test_no_body_is_a_defect(body: dict[str, Any]) -> None:
    """It is understood, or refused on purpose."""
    for read in (draft_of, patch_of, lambda changes: draft_of(WHOLE | changes)):
        with contextlib.suppress(InvalidParameter):
            read(body)


@given(st.text(max_size=200))
def test_a_name_that_is_kept_can_be_sent_back(name: str) -> None:
    """What is kept is kept as it is when it comes again."""
    try:
        kept = draft_of(WHOLE | {"name": name}).name
    except InvalidParameter:
        return

    assert kept == draft_of(WHOLE | {"name": kept}).name
    assert 1 <= len(kept) <= 128
