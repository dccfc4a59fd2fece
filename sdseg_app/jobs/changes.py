"""Waiting on the event loop for what other threads and processes change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from sdseg.jobs.queue import JobQueue

_TICK = 1.0  # seconds: a training in another process tells nobody, and estimates count down


async def changes(queue: JobQueue, interval: float) -> AsyncIterator[None]:
    """Yields at once, after each change of the queue, and every second; at most once in `interval` seconds.

    Ends when the queue is closed: a stream that stays open would keep the server from ending.
    """
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    with queue.listening(lambda: loop.call_soon_threadsafe(changed.set)):
        while not queue.closed:
            changed.clear()
            yield
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _TICK)
            await _rest(queue, interval)
        yield


async def _rest(queue: JobQueue, interval: float) -> None:
    if not queue.closed:
        await asyncio.sleep(interval)
