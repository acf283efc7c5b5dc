"""The query of a list or watch, parsed and checked as the API server does it."""

from collections.abc import Mapping

import msgspec

from demo.kubernetes.errors import BadRequestError, InternalError, InvalidError

NOT_OLDER_THAN = "NotOlderThan"
EXACT = "Exact"


class ListOptions(msgspec.Struct, frozen=True):
    """The query parameters of a list or watch (meta.k8s.io/v1 ListOptions).

    Args:
        watch: Whether this is a watch.
        labels: `labelSelector`.
        fields: `fieldSelector`.
        resource_version: "" = the newest, "0" = any, else a number.
        match: `resourceVersionMatch`.
        limit: Most items of a page; 0 = all.
        continuation: The `continue` token.
        timeout_seconds: How long a watch lasts; 0 = the server decides.
        bookmarks: `allowWatchBookmarks`.
        initial_events: `sendInitialEvents`; None = not said.
    """

    watch: bool = False
    labels: str = ""
    fields: str = ""
    resource_version: str = ""
    match: str = ""
    limit: int = 0
    continuation: str = ""
    timeout_seconds: int = 0
    bookmarks: bool = False
    initial_events: bool | None = None

    @property
    def version(self) -> int:
        """The resource version as a number; 0 for both "" and "0".

        Raises:
            InternalError: When it is no number, which is what a real server answers.
        """
        text = self.resource_version or "0"
        if not (text.isascii() and text.isdigit()):
            raise InternalError(
                f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: invalid syntax'
            )
        return int(text)


def parse(query: Mapping[str, str], *, watch_list: bool) -> ListOptions:
    """Parse and check a query.

    Args:
        query: The decoded query parameters.
        watch_list: Whether the server offers `sendInitialEvents`.

    Raises:
        BadRequestError: When a number is none.
        InvalidError: When options contradict one another.
    """
    options = ListOptions(
        watch=flag(query, "watch") or False,
        labels=query.get("labelSelector", ""),
        fields=query.get("fieldSelector", ""),
        resource_version=query.get("resourceVersion", ""),
        match=query.get("resourceVersionMatch", ""),
        limit=_integer(query, "limit"),
        continuation=query.get("continue", ""),
        timeout_seconds=_integer(query, "timeoutSeconds"),
        bookmarks=flag(query, "allowWatchBookmarks") or False,
        initial_events=flag(query, "sendInitialEvents"),
    )
    problems = _watch_problems(options, watch_list) if options.watch else _list_problems(options)
    if problems:
        raise _invalid(problems)
    return options


def flag(query: Mapping[str, str], name: str) -> bool | None:
    """Return a boolean parameter; None when it is absent.

    Only "0" and "false" in any case are false (apimachinery, pkg/runtime/conversion.go), so
    `watch=`, `watch=1`, `watch=True` and `watch=t` all ask for a watch.
    """
    value = query.get(name)
    return None if value is None else value.lower() not in {"0", "false"}


def _integer(query: Mapping[str, str], name: str) -> int:
    text = query.get(name) or "0"
    try:
        return max(0, int(text))
    except ValueError:
        raise BadRequestError(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


# The rules and their wording are apimachinery's pkg/apis/meta/internalversion/validation.
def _list_problems(options: ListOptions) -> dict[str, str]:
    problems = {}
    if options.match and not options.resource_version:
        problems["resourceVersionMatch"] = (
            "resourceVersionMatch is forbidden unless resourceVersion is provided"
        )
    elif options.match and options.continuation:
        problems["resourceVersionMatch"] = (
            "resourceVersionMatch is forbidden when continue is provided"
        )
    elif options.match == EXACT and options.resource_version == "0":
        problems["resourceVersionMatch"] = (
            'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        )
    elif options.match not in {"", EXACT, NOT_OLDER_THAN}:
        problems["resourceVersionMatch"] = f'supported values: "{EXACT}", "{NOT_OLDER_THAN}"'
    if options.initial_events is not None:
        problems["sendInitialEvents"] = "sendInitialEvents is forbidden for list"
    return problems


def _watch_problems(options: ListOptions, watch_list: bool) -> dict[str, str]:  # noqa: FBT001 - private
    problems = {}
    if options.initial_events is None and options.match:
        problems["resourceVersionMatch"] = (
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        )
    elif options.initial_events is not None and options.match != NOT_OLDER_THAN:
        problems["resourceVersionMatch"] = (
            f"sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER_THAN}"
        )
    if options.initial_events is not None and not watch_list:
        problems["sendInitialEvents"] = (
            "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
        )
    if options.continuation:
        problems["continue"] = "continue is forbidden for watch"
    return problems


def _invalid(problems: Mapping[str, str]) -> InvalidError:
    causes = [
        {"reason": "FieldValueForbidden", "message": f"Forbidden: {why}", "field": field}
        for field, why in problems.items()
    ]
    told = ", ".join(f"{cause['field']}: {cause['message']}" for cause in causes)
    return InvalidError(
        f'ListOptions.meta.k8s.io "" is invalid: {told}',
        details={"group": "meta.k8s.io", "kind": "ListOptions", "causes": causes},
    )
