"""Who may do what: bearer tokens, permissions and refusals, all changeable at run time."""

import hmac
from collections.abc import Iterable, Mapping

import msgspec

from demo.kubernetes.errors import ForbiddenError, UnauthorizedError
from demo.kubernetes.resources import Resource

USER = "system:serviceaccount:demo:demo"
_SCHEME = "bearer"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A refusal: this verb on this resource is answered 403. None = any.

    Args:
        verb: The verb.
        resource: A plural, of whichever group ("jobs"), or with its group ("jobs.batch").
    """

    verb: str | None = None
    resource: str | None = None

    def covers(self, verb: str, resource: Resource) -> bool:
        """Tell whether this refuses a request."""
        names = {None, resource.plural, resource.qualified}
        return self.verb in {None, verb} and self.resource in names


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A permission: one rule of an RBAC role, under the same names.

    Args:
        api_groups: Groups; "" is the core group, "*" any.
        resources: Plurals; "*" is any.
        verbs: Verbs; "*" is any.
        resource_names: The only objects it is about; none = all. Lists, watches and creations have
            no name, so such a rule never permits them.
        namespace: Where it holds: the namespace of a RoleBinding; None = everywhere.
    """

    api_groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    resource_names: tuple[str, ...] = ()
    namespace: str | None = None

    def covers(self, verb: str, resource: Resource, namespace: str | None, name: str) -> bool:
        """Tell whether this permits a request."""
        return (
            _named(self.verbs, verb)
            and _named(self.api_groups, resource.group)
            and _named(self.resources, resource.plural)
            and (not self.resource_names or name in self.resource_names)
            and self.namespace in {None, namespace}
        )


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose a token is, as a TokenReview tells.

    Args:
        username: For example `system:serviceaccount:monitoring:reader`.
        groups: Its groups.
        uid: Its UID.
        audiences: What the token is for; none = the API server.
    """

    username: str
    groups: tuple[str, ...] = ("system:authenticated",)
    uid: str = ""
    audiences: tuple[str, ...] = ()


_OURS = User(
    USER, ("system:serviceaccounts", "system:serviceaccounts:demo", "system:authenticated")
)


def _named(words: tuple[str, ...], word: str) -> bool:
    return word in words or "*" in words


class Access:
    """The tokens that are good now, and what they allow. Confined to the server's thread.

    Args:
        tokens: Good bearer tokens; none = everybody is let in.
    """

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        self._tokens = tuple(tokens)
        self._users: Mapping[str, User] = {}
        self._rules: tuple[Rule, ...] = ()
        self._grants: tuple[Grant, ...] | None = None

    def rotate(self, tokens: Iterable[str]) -> None:
        """Replace all tokens; watches that are open stay open, as on a real server."""
        self._tokens = tuple(tokens)

    def enrol(self, users: Mapping[str, User]) -> None:
        """Replace the tokens that reviews know, beside the server's own."""
        self._users = dict(users)

    def user(self, token: str) -> User | None:
        """Return whose a token is; None when it is not good."""
        return self._users.get(token) or (_OURS if token in self._tokens else None)

    def forbid(self, rules: Iterable[Rule]) -> None:
        """Replace all refusals."""
        self._rules = tuple(rules)

    def permit(self, grants: Iterable[Grant] | None) -> None:
        """Replace all permissions: from now on only these; None permits everything."""
        self._grants = None if grants is None else tuple(grants)

    def authenticate(self, authorization: str) -> None:
        """Check an Authorization header.

        Raises:
            UnauthorizedError: When tokens are configured and the header holds none of them.
        """
        scheme, _, token = authorization.partition(" ")
        known = scheme.lower() == _SCHEME and any(
            hmac.compare_digest(token.strip().encode(), good.encode()) for good in self._tokens
        )
        if self._tokens and not known:
            raise UnauthorizedError("Unauthorized")

    def authorize(self, verb: str, resource: Resource, namespace: str | None, name: str) -> None:
        """Check a verb on a resource against permissions and refusals.

        Raises:
            ForbiddenError: When none permits or one refuses it.
        """
        if self._permitted(verb, resource, namespace, name):
            return
        plural = resource.plural
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        subject = f'{resource.qualified} "{name}"' if name else resource.qualified
        about = {"group": resource.group} if resource.group else {}
        raise ForbiddenError(
            f'{subject} is forbidden: User "{USER}" cannot {verb} resource "{plural}"'
            f' in API group "{resource.group}" {where}',
            details=about | {"kind": plural} | ({"name": name} if name else {}),
        )

    def _permitted(self, verb: str, resource: Resource, namespace: str | None, name: str) -> bool:
        if any(rule.covers(verb, resource) for rule in self._rules):
            return False
        return self._grants is None or any(
            grant.covers(verb, resource, namespace, name) for grant in self._grants
        )
