"""One page of a list: which snapshot, which entries, which token leads on.

All pages of one list come from the snapshot of its first page: the continue token names that
version and the last key shown. When the snapshot is gone the answer is 410 with a new token that
goes on from the same key in the *present* objects (an "inconsistent" list, as etcd3 offers it).
"""

import base64
from itertools import islice

import msgspec

from demo.kubernetes.entries import Entry, Key, Snapshot
from demo.kubernetes.errors import BadRequestError, ExpiredError, ServerTimeoutError
from demo.kubernetes.options import EXACT, ListOptions
from demo.kubernetes.resources import Resource
from demo.kubernetes.selectors import Test, compile_selectors
from demo.kubernetes.store import Store

_PRESENT = -1
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start"
    " a new list without the continue parameter, or use the continue token in this response to"
    " retrieve the remainder of the results. Continuing with the provided token results in an"
    " inconsistent list - objects that were created, modified, or deleted between the time the"
    " first chunk was returned and now may show up in the list."
)


class Page(msgspec.Struct, frozen=True, gc=False):
    """A page of a list.

    Args:
        resource_version: The version of the whole list.
        entries: The objects shown.
        continuation: The token that asks for the next page; None on the last one.
        remaining: How many objects come after; None when unknown (selectors) or none.
    """

    resource_version: int
    entries: list[Entry]
    continuation: str | None = None
    remaining: int | None = None

    def metadata(self) -> bytes:
        """Return the encoded ListMeta."""
        meta: dict[str, object] = {"resourceVersion": str(self.resource_version)}
        if self.continuation is not None:
            meta["continue"] = self.continuation
        if self.remaining is not None:
            meta["remainingItemCount"] = self.remaining
        return msgspec.json.encode(meta)


class _Token(msgspec.Struct, frozen=True):
    """What a continue token says; `rv` -1 means "go on in the present objects"."""

    rv: int
    namespace: str
    name: str

    @property
    def key(self) -> Key:
        return self.namespace, self.name

    def text(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def page(store: Store, resource: Resource, namespace: str | None, options: ListOptions) -> Page:
    """Answer a list.

    Args:
        store: Where the objects are.
        resource: What to list.
        namespace: The namespace to list; None = all.
        options: The parsed query.

    Raises:
        BadRequestError: When a selector or the token cannot be parsed.
        ExpiredError: When the token's or the exact version asked for is gone.
        InternalError: When the resource version is no number.
        ServerTimeoutError: When the resource version has not happened yet.
    """
    test = compile_selectors(resource, options.labels, options.fields)
    token = _token(options)
    if token is None:
        snapshot = _snapshot(store, resource, options)
    else:
        snapshot = _snapshot_of(store, resource, token)
    # A list at version 0 comes from the watch cache, which knows no pages
    # (apiserver, pkg/storage/cacher: computeListLimit).
    limit = 0 if options.resource_version == "0" else options.limit
    span = snapshot.within(namespace, token.key if token else None)
    shown, following = _take(snapshot, span, test, limit)
    if following == span.stop:
        return Page(snapshot.resource_version, shown)
    store.hold(resource, snapshot)
    last = _Token(snapshot.resource_version, *snapshot.entries[following - 1].key)
    remaining = span.stop - following if test is None else None
    return Page(snapshot.resource_version, shown, last.text(), remaining)


def _take(
    snapshot: Snapshot, span: range, test: Test | None, limit: int
) -> tuple[list[Entry], int]:
    """Return up to *limit* matching entries and the position after them (the end: no more)."""
    if test is None:
        end = min(span.stop, span.start + limit) if limit else span.stop
        return list(snapshot.entries[span.start : end]), end
    matching = (at for at in span if test(snapshot.entries[at]))
    shown = [snapshot.entries[at] for at in islice(matching, limit or None)]
    following = next(matching, None)
    return shown, span.stop if following is None else following


def _snapshot(store: Store, resource: Resource, options: ListOptions) -> Snapshot:
    wanted = options.version
    refuse_future(store, wanted)
    # Without a match, a version with a limit means exactly that version ("legacy exact match").
    exact = options.match == EXACT or (not options.match and options.limit)
    if not wanted or not exact or wanted == store.resource_version:
        return store.snapshot(resource)
    held = store.held(resource, wanted)
    if held is None:
        raise ExpiredError(f"The resourceVersion for the provided list is too old: {wanted}")
    return held


def refuse_future(store: Store, wanted: int) -> None:
    """Refuse a version that has not happened yet, as a lagging API server does.

    Raises:
        ServerTimeoutError: Always with the cause `ResourceVersionTooLarge`.
    """
    if wanted <= store.resource_version:
        return
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    raise ServerTimeoutError(
        f"Too large resource version: {wanted}, current: {store.resource_version}",
        details={"causes": [cause], "retryAfterSeconds": 1},
    )


def _token(options: ListOptions) -> _Token | None:
    if not options.continuation:
        return None
    if options.resource_version not in {"", "0"}:
        raise BadRequestError("specifying resource version is not allowed when using continue")
    padded = options.continuation + "=" * (-len(options.continuation) % 4)
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=_Token)
    except ValueError as error:
        raise BadRequestError(f"continue key is not valid: {error}") from None


def _snapshot_of(store: Store, resource: Resource, token: _Token) -> Snapshot:
    if token.rv == _PRESENT:
        return store.snapshot(resource)
    held = store.held(resource, token.rv)
    if held is None:
        fresh = _Token(_PRESENT, token.namespace, token.name)
        raise ExpiredError(_TOO_OLD, continuation=fresh.text())
    return held
