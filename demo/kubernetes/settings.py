"""How the stand-in behaves where API servers differ from one another."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """What is fixed while the server runs; the defaults are a Kubernetes 1.34 API server's.

    Args:
        version: What `/version` says.
        bookmark_interval: Seconds between the bookmarks of a watch.
        bookmark_lead: A bookmark is also sent this many seconds before a watch ends.
        watch_seconds: A watch that names no timeout lasts between this and twice this.
        watch_list: Whether `sendInitialEvents` is offered; else it is answered 422.
        expired_as_http: Whether a watch from a forgotten version is answered HTTP 410 rather than
            200 and an ERROR event.
        gzip_above: Lists longer than this many bytes are compressed for clients that accept it.
    """

    version: str = "v1.34.1"
    bookmark_interval: float = 60.0
    bookmark_lead: float = 2.0
    watch_seconds: float = 1800.0
    watch_list: bool = True
    expired_as_http: bool = False
    gzip_above: int = 128 * 1024
