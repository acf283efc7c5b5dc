"""Who may do what: bearer tokens and a table of refusals, both changeable at run time."""

import hmac
from collections.abc import Iterable

import msgspec

from demo.kubernetes.errors import ForbiddenError, UnauthorizedError
from demo.kubernetes.resources import Resource

USER = "system:serviceaccount:demo:demo"
_SCHEME = "bearer"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A refusal: this verb on this resource is answered 403. None = any."""

    verb: str | None = None
    resource: str | None = None


class Access:
    """The tokens that are good now and the rules that refuse. Confined to the server's thread.

    Args:
        tokens: Good bearer tokens; none = everybody is let in.
    """

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        self._tokens = tuple(tokens)
        self._rules: tuple[Rule, ...] = ()

    def rotate(self, tokens: Iterable[str]) -> None:
        """Replace all tokens; watches that are open stay open, as on a real server."""
        self._tokens = tuple(tokens)

    def forbid(self, rules: Iterable[Rule]) -> None:
        """Replace all refusals."""
        self._rules = tuple(rules)

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
        """Check a verb on a resource against the refusals.

        Raises:
            ForbiddenError: When a rule refuses it.
        """
        plural = resource.plural
        for rule in self._rules:
            if rule.verb in {None, verb} and rule.resource in {None, plural}:
                break
        else:
            return
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        subject = f'{plural} "{name}"' if name else plural
        raise ForbiddenError(
            f'{subject} is forbidden: User "{USER}" cannot {verb} resource "{plural}"'
            f' in API group "{resource.group}" {where}',
            details={"kind": plural} | ({"name": name} if name else {}),
        )
