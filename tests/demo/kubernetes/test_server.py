"""Composition: what runs beside the server and changes the cluster while it is watched."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import ClientSession, web

from demo.kubernetes.server import create_app, serving
from demo.kubernetes.store import Store
from tests.support.cluster_objects import node


def test_a_background_task_changes_what_clients_see() -> None:
    """A coroutine on the server's loop writes to the store; an open watch tells of it."""
    assert [b"n1", b"n2"] == asyncio.run(watched_names())


async def watched_names() -> list[bytes]:
    """Serve a store that a background task fills; return the names a watch brings."""
    store, asked = Store(), asyncio.Event()

    async def play() -> None:
        await asked.wait()
        for name in ("n1", "n2"):
            store.put(node(name))

    async def fleet(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(play())
        yield
        await task

    app = create_app(store)
    app.cleanup_ctx.append(fleet)
    async with serving(app) as url, ClientSession() as session:
        query = {"watch": "true", "resourceVersion": "1"}
        async with session.get(f"{url}/api/v1/nodes", params=query) as response:
            asked.set()
            lines = [await response.content.readline() for _ in range(2)]
    return [line.partition(b'"name":"')[2][:2] for line in lines]
