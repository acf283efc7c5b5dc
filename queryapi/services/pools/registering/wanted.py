"""What callers may write of a pool, for their description; `drafts` reads it, rule by rule."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from queryapi.services.pools.registering import fields

_SEEN = r"\S"

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=fields.NAME,
        pattern=_SEEN,
        description="For people. Space around it is cut off; no characters that nobody sees.",
    ),
]
Word = Annotated[str, Meta(min_length=1, max_length=fields.WORD, pattern=_SEEN)]
Text = Annotated[str, Meta(max_length=fields.TEXT, description="What it is for.")]
Tag = Annotated[str, Meta(min_length=1, max_length=fields.TAG, pattern=_SEEN)]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=fields.TAGS, description="Words, each once.")]
Maintenance = Annotated[bool, Meta(description="Whether it is being worked on.")]
_Value = Annotated[str, Meta(min_length=1, max_length=fields.VALUE, pattern=_SEEN)]
_Values = _Value | Annotated[tuple[_Value, ...], Meta(min_length=1, max_length=fields.VALUES)]


class NodeTypeWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many nodes of one type."""

    type: Annotated[Word, Meta(description="Instance type; each is there once.")]
    count: Annotated[int, Meta(ge=1, le=fields.COUNT, description="How many are wanted.")]


NodeTypes = Annotated[
    tuple[NodeTypeWanted, ...],
    Meta(min_length=1, max_length=fields.NODE_TYPES, description="What it should have."),
]


class SelectorWanted(
    msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Which nodes belong to a pool: all facts must fit, each by one of its values."""

    pool: Annotated[_Values, Meta(description="The nodes' pool label.")] | UnsetType = UNSET
    model: Annotated[_Values, Meta(description="Their GPUs.")] | UnsetType = UNSET
    instance_type: Annotated[_Values, Meta(description="Their type.")] | UnsetType = UNSET
    zone: Annotated[_Values, Meta(description="Their zone.")] | UnsetType = UNSET
    region: Annotated[_Values, Meta(description="Their region.")] | UnsetType = UNSET
    provider: Annotated[_Values, Meta(description="Whose they are.")] | UnsetType = UNSET


Selector = Annotated[
    SelectorWanted,
    Meta(
        description="Which nodes belong to it, by at least one fact; default: those whose pool"
        " label is its id.",
        extra_json_schema={"minProperties": 1},
    ),
]


class PoolWanted(
    msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """A pool that is to be created."""

    name: Name
    region: Annotated[Word, Meta(description="Where it is.")]
    provider: Annotated[Word, Meta(description="Whose machines it has.")]
    node_types: NodeTypes
    description: Text = ""
    tags: Tags = ()
    cluster: (
        Annotated[Word, Meta(description="The cluster; default: the service's own.")] | UnsetType
    ) = UNSET
    selector: Selector | UnsetType = UNSET
    maintenance: Maintenance = False


class PoolChange(
    msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """What is to be changed of a pool; what is left out stays.

    A whole pool may be sent back: what cannot be changed has to be what it is, and what is
    measured is passed over.
    """

    name: Name | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    node_types: NodeTypes | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    selector: Selector | UnsetType = UNSET
    maintenance: Maintenance | UnsetType = UNSET
