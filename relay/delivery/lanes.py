"""Starts and stops the lanes of the sinks that this node owns and that have a backlog."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from relay.aio import Heartbeat
from relay.delivery.lane import Lane, LaneStatus
from relay.delivery.lane_config import LaneConfig
from relay.outbox.base import Outbox


class LaneSupervisor:
    """
    ``lane_factory`` makes the lane of a sink.

    An idle lane has no task, so that thousands of sinks without a backlog cost nothing.
    """

    def __init__(self, lane_factory: Callable[[str, LaneConfig], Lane]) -> None:
        self.groups: Sequence[Collection[str]] = ()
        """See ``relay.outbox.base.Lanes``."""
        self.lanes: dict[str, Lane] = {}
        self.regrouped = asyncio.Event()
        self._lane_factory = lane_factory
        self._stops: dict[str, asyncio.Event] = {}
        """By the sinks that this node owns."""
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks = asyncio.TaskGroup()

    def change(
        self, lane_configs: Mapping[str, LaneConfig], groups: Sequence[Collection[str]]
    ) -> None:
        """Use other settings; attempts that are under way end with the old ones."""
        self.groups = groups
        for gone in self.lanes.keys() - lane_configs.keys():
            self.release(gone)
            del self.lanes[gone]
        for name, lane_config in lane_configs.items():
            if name in self.lanes:
                self.lanes[name].change(lane_config)
            else:
                self.lanes[name] = self._lane_factory(name, lane_config)
        self.regrouped.set()

    def heartbeats(self) -> Mapping[str, Heartbeat]:
        """The heartbeat of each lane, by words for it."""
        return {f"the lane of {name}": lane.heartbeat for name, lane in self.lanes.items()}

    def statuses(self) -> Mapping[str, LaneStatus]:
        return {name: lane.status for name, lane in self.lanes.items()}

    async def run(self, outbox: Outbox, *, clock: Callable[[], int], stop: asyncio.Event) -> None:
        """Run lanes as the outbox asks for until ``stop``; if one fails, all are cancelled."""
        async with self._tasks:
            await outbox.run(self, clock=clock, stop=stop)

    def acquire(self, sinks: Mapping[str, float]) -> None:
        """See ``relay.outbox.base.Lanes``."""
        for sink, seconds in sinks.items():
            if sink in self.lanes:  # the plan may have changed since the outbox read it
                self._stops[sink] = asyncio.Event()
                self.lanes[sink].begin(seconds)

    def release(self, sink: str) -> bool:
        """See ``relay.outbox.base.Lanes``."""
        if (stop := self._stops.pop(sink, None)) is not None:
            stop.set()
        running = self._running.get(sink)
        return running is None or running.done()

    def wake(self, sinks: Collection[str]) -> None:
        """See ``relay.outbox.base.Lanes``."""
        for sink in sinks:
            if (stop := self._stops.get(sink)) is None:
                continue
            lane, running = self.lanes[sink], self._running.get(sink)
            lane.wake()
            if running is None or running.done():
                task = self._tasks.create_task(lane.run(stop), name=f"lane {sink}")
                self._running[sink] = task
