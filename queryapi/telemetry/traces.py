"""Traces: which spans there are, and the tracer that makes none."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import ParamSpec, Protocol, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Span(Protocol):
    """What is told about one piece of work while it goes on."""

    @property
    def trace_id(self) -> str:
        """The trace in hexadecimal, for logs; empty when nothing is traced."""
        ...

    def status(self, code: int) -> None:
        """Tell the HTTP status of the answer."""
        ...

    def set(self, name: str, value: str | float | bool) -> None:  # noqa: FBT001 - a value
        """Tell one more thing; never a secret, never what a client sent as it came."""
        ...


class Tracer(Protocol):
    """Makes spans. None of its methods waits for anybody or raises."""

    def request(
        self, environ: Mapping[str, object], route: str, method: str
    ) -> AbstractContextManager[Span]:
        """Return the span of one request, a part of the caller's trace where it names one.

        Args:
            environ: The request's WSGI environment.
            route: The route's template, such as `/api/v1/realtime/status`.
            method: The HTTP method.
        """
        ...

    def query(self, cluster: str, name: str) -> AbstractContextManager[Span]:
        """Return the span of one question to a cluster's Prometheus.

        What is raised within marks it as failed, by the error's type and not by its words.

        Args:
            cluster: The cluster's name.
            name: What is asked for, such as a part's name; no PromQL.
        """
        ...

    def headers(self) -> Mapping[str, str]:
        """Return the headers that make another service's spans part of this trace."""
        ...

    def carry(self, work: Callable[P, T]) -> Callable[P, T]:
        """Return *work* so that its spans belong here, whatever thread runs it; to be run once."""
        ...

    def close(self) -> None:
        """Send what was not sent, for a few seconds at most."""
        ...


class NoSpan:
    """A span that nobody sees."""

    trace_id = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def status(self, code: int) -> None:
        """Forget it."""

    def set(self, name: str, value: str | float | bool) -> None:  # noqa: FBT001 - see Span
        """Forget it."""


_NO_SPAN = NoSpan()
_NO_HEADERS: Mapping[str, str] = {}


class NoTracer:
    """Traces nothing, at next to no cost; see Tracer."""

    def request(
        self,
        environ: Mapping[str, object],  # noqa: ARG002 - see Tracer
        route: str,  # noqa: ARG002
        method: str,  # noqa: ARG002
    ) -> AbstractContextManager[Span]:
        """Return a span that nobody sees."""
        return _NO_SPAN

    def query(self, cluster: str, name: str) -> AbstractContextManager[Span]:  # noqa: ARG002
        """Return a span that nobody sees."""
        return _NO_SPAN

    def headers(self) -> Mapping[str, str]:
        """Return none."""
        return _NO_HEADERS

    def carry(self, work: Callable[P, T]) -> Callable[P, T]:
        """Return *work* as it is."""
        return work

    def close(self) -> None:
        """Do nothing."""
