"""What surrounds the answers of `/api/v1/realtime`."""

from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")


class Success(msgspec.Struct, frozen=True):
    """Says that `data` is there."""

    code: Literal[2000] = 2000
    message: Literal["OK"] = "OK"


class Enveloped(msgspec.Struct, Generic[T], frozen=True):
    """A successful answer: what was asked for is in `data`."""

    meta: Success
    data: Annotated[T, Meta(description="What was asked for.")]
