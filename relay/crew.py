"""The crew: lets lanes run while something waits for their sinks, and while they are ours."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from relay.delivery import Lane
from relay.outbox.base import Outbox


class Crew:
    """A lane that rests has no task: thousands of sinks for which nothing waits cost nothing."""

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self._lanes = lanes
        self._stops: dict[str, asyncio.Event] = {}
        """Of the sinks that are ours."""
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks = asyncio.TaskGroup()

    async def run(
        self,
        outbox: Outbox,
        groups: Sequence[Collection[str]],
        *,
        clock: Callable[[], int],
        stop: asyncio.Event,
    ) -> None:
        """Carry what the outbox tells, until ``stop``. If one lane dies, all do."""
        async with self._tasks:
            await outbox.tend(groups, self, clock=clock, stop=stop)

    def take(self, sinks: Mapping[str, float]) -> None:
        """See ``relay.outbox.base.Crew``."""
        for sink, seconds in sinks.items():
            self._stops[sink] = asyncio.Event()
            self._lanes[sink].begin(seconds)

    def leave(self, sink: str) -> bool:
        """See ``relay.outbox.base.Crew``."""
        if (stop := self._stops.pop(sink, None)) is not None:
            stop.set()
        running = self._running.get(sink)
        return running is None or running.done()

    def wake(self, sinks: Collection[str]) -> None:
        """See ``relay.outbox.base.Crew``."""
        for sink in sinks:
            if (stop := self._stops.get(sink)) is None:
                continue
            lane, running = self._lanes[sink], self._running.get(sink)
            lane.wake()
            if running is None or running.done():
                task = self._tasks.create_task(lane.run(stop), name=f"lane {sink}")
                self._running[sink] = task
