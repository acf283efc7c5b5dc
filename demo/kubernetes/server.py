"""The HTTP server: an application around a store, and the socket it listens on.

To run something beside it that changes the cluster, add it before serving:

    store = Store()
    app = create_app(store)

    async def fleet(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(play(store))    # calls store.put and store.delete directly
        yield
        task.cancel()

    app.cleanup_ctx.append(fleet)
    async with serving(app, listen="127.0.0.1:6443") as url:
        ...

Routes may be added the same way (`app.router.add_get`); those under `/_demo/` need no token.
"""

import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from demo.kubernetes import control, handlers, reviews
from demo.kubernetes.access import Access
from demo.kubernetes.middleware import answer_errors, guard
from demo.kubernetes.settings import Settings
from demo.kubernetes.state import SERVER, ApiServer
from demo.kubernetes.store import Store

_DEFAULT = Settings()
_LAST_ANSWERS_SECONDS = 1.0


def create_app(
    store: Store, settings: Settings = _DEFAULT, *, tokens: Iterable[str] = ()
) -> web.Application:
    """Make the application that serves a store.

    Args:
        store: The objects; from now on only to be touched on the loop that runs the application.
        settings: How the server behaves.
        tokens: Good bearer tokens; none = everybody is let in.

    Returns:
        An application whose `app[SERVER]` is its `state.ApiServer`.
    """
    app = web.Application(middlewares=[answer_errors, guard])
    app[SERVER] = ApiServer(store, settings, Access(tokens))
    # Before the general routes: a review is no object that is stored.
    app.add_routes(reviews.routes())
    app.add_routes(handlers.routes())
    app.add_routes(control.routes())
    app.on_shutdown.append(_end_watches)
    return app


async def _end_watches(app: web.Application) -> None:
    app[SERVER].end_watches()


@asynccontextmanager
async def serving(
    app: web.Application, *, listen: str = "127.0.0.1:0", tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve an application while the block runs.

    Args:
        app: What to serve.
        listen: host:port; port 0 takes a free one.
        tls: Serve HTTPS with this context.

    Yields:
        The base URL, with the real port.

    Raises:
        OSError: When the address cannot be listened on.
    """
    # handler_cancellation: a silent watch ends as soon as its client has left.
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_LAST_ANSWERS_SECONDS,
    )
    await runner.setup()
    host, _, port = listen.rpartition(":")
    try:
        await web.TCPSite(runner, host, int(port), ssl_context=tls).start()
        yield f"{'http' if tls is None else 'https'}://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
