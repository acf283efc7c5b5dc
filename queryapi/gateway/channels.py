"""What is offered at the paths of the gateway."""

from typing import Any, Protocol

from queryapi.gateway.session import Session
from queryapi.settings import Api


class Channel(Protocol):
    """One path, and what its clients are sent."""

    api: Api
    """Whose rules for callers apply."""

    def wanted(self, query: str) -> Any:
        """Return what a client wants, by the query of its URL; said before it is connected.

        Raises:
            InvalidParameter: When that cannot be understood.
        """
        ...

    def join(self, session: Session, wanted: Any) -> None:
        """Begin to send."""
        ...

    def leave(self, session: Session, wanted: Any) -> None:
        """Stop sending."""
        ...

    def received(self, session: Session, message: str | bytes) -> None:
        """Take in what the client has sent."""
        ...
