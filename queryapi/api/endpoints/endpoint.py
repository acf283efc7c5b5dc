"""What is said of a route."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

import msgspec

from queryapi.access.policy import Permission
from queryapi.settings import Api

# What any path may answer, whatever it is for: some of it before a route is looked for.
PROBLEMS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.REQUEST_URI_TOO_LONG,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
GUARDED_PROBLEMS = tuple(
    sorted(
        {
            *PROBLEMS,
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
        }
    )
)
READ_PROBLEMS = tuple(sorted({*GUARDED_PROBLEMS, HTTPStatus.NOT_FOUND}))


_LONGEST_ONE = 256


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the query or, when the path names it, of the path.

    Args:
        name: What it is called.
        about: What it means, in a sentence.
        required: Whether it must be there.
        repeated: Whether it may be there several times.
        words: What it may say.
        closed: Whether other words are refused; else they are ignored.
        count: Whether it is a whole number, from `least` to `most`.
        rest: Whether it takes all that is left of the path, whatever it is made of.
        header: Whether it is a header.
        example: A value.
    """

    name: str
    about: str
    required: bool = False
    repeated: bool = False
    words: tuple[str, ...] = ()
    pattern: str = ""
    closed: bool = False
    count: bool = False
    least: int = 0
    most: int | None = None
    rest: bool = False
    header: bool = False
    example: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one route.

    Args:
        method: HTTP method; a GET answers HEAD too.
        path: With parameters as `{name}`.
        api: Whose rules for callers apply; None = open to everyone.
        needs: What a caller must be allowed to do.
        summary: One sentence.
        answer: The type of the whole body; None = text.
        parameters: In the order of the documents, headers last.
        problems: What may be answered instead.
        tells_more: Whether an open route tells more to those who may read the real-time API.
        also: Other statuses that the same answer comes with.
        media: Its media type.
        aged: Whether it is kept for a time, and says how old it is.
        example: An answer.
        everywhere: Whether listeners that serve some APIs only have it besides.
        takes: The type of the body of requests; None = they have none.
        taken: An example of that.
        success: The status of a success.
        tells: The headers that a success has besides.
        other_media: Other media types that it may be asked for in, as text.
        counted_by: The parameter of the path whose values are limited one by one; empty = a
            caller's requests count together.
    """

    method: str
    path: str
    api: Api | None
    needs: Permission
    summary: str
    answer: type | None
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[HTTPStatus, ...] = PROBLEMS
    tells_more: bool = False
    also: tuple[HTTPStatus, ...] = ()
    media: str = "application/json"
    aged: bool = False
    example: msgspec.Struct | tuple[msgspec.Struct, ...] | None = None
    everywhere: bool = False
    takes: type | None = None
    taken: msgspec.Struct | None = None
    success: HTTPStatus = HTTPStatus.OK
    tells: tuple[str, ...] = ()
    other_media: tuple[str, ...] = ()
    counted_by: str = ""

    @property
    def sample(self) -> str:
        """The path with the examples of its parameters."""
        examples = {parameter.name: quote(parameter.example) for parameter in self.parameters}
        return self.path.format_map(examples)

    def counted_as(self, path: str) -> tuple[str, str]:
        """Return the name under which a request for *path*, one of its own, is limited.

        And under which of those: empty = they are not limited one by one.
        """
        name = f"{self.method} {self.path}"
        if not self.counted_by:
            return name, ""
        place = self.path.split("/").index(f"{{{self.counted_by}}}")
        # As long as any that there can be: a name is kept for as long as it is counted.
        return name, path.split("/")[place][:_LONGEST_ONE]
