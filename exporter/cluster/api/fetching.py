"""What a part of the cluster role needs of the API server to read or write single objects."""

from typing import Any, Protocol


class Fetcher(Protocol):
    """An API server; `transport.ApiServer` is the real one."""

    def fetch(
        self, api_class: str, method: str, *, metadata_only: bool = False, **arguments: Any
    ) -> bytes:
        """Call one method of the client and return the body of its answer.

        Args:
            api_class: A class of the client's API.
            method: One of its methods.
            metadata_only: Ask for PartialObjectMetadata instead of the whole object.
            **arguments: What the method takes.

        Raises:
            NotFound: 404.
            Conflict: 409.
            ResourceRefused: 403.
            ApiServerUnavailable: Anything else that is no success.
        """
