"""Asks the guard without keeping the event loop waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar

from queryapi.access.policy import Permission
from queryapi.access.principal import Principal
from queryapi.front.admission import TO_READ, Admission, Guard
from queryapi.settings import Api

T = TypeVar("T")


class Judge:
    """Tells who callers are; whoever can be judged by what is known here needs no thread.

    Args:
        guard: Knows callers.
        admission: The guard, and what it does about those who guess.
        executor: Threads that wait for others who judge.
    """

    def __init__(self, guard: Guard, admission: Admission, executor: Executor) -> None:
        self._guard = guard
        self._admission = admission
        self._executor = executor

    async def admit(
        self,
        authorization: str | None,
        api: Api,
        *,
        address: str,
        needs: Permission = TO_READ,
    ) -> Principal:
        """Return who comes in; raises as Admission does."""
        judged = partial(self._admission.admit, authorization, api, needs, address=address)
        return await self._run(judged, authorization)

    async def again(self, authorization: str | None, api: Api) -> Principal:
        """Return who is inside; raises as the guard does."""
        return await self._run(
            partial(self._guard.admit, authorization, api, TO_READ), authorization
        )

    async def _run(self, judged: Callable[[], T], authorization: str | None) -> T:
        if authorization is None or not self._guard.asks(authorization):
            return judged()
        return await asyncio.get_running_loop().run_in_executor(self._executor, judged)
