"""Runs the pollers of all hooks, each on its own time."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from relay.aio import first
from relay.polling.poller import Poller
from relay.polling.schedule import PollStatus

MOST = 2
"""The most lists that one server is asked for at the same time."""
LONGEST = 3600.0  # seconds for which a poller without a due time waits
NOT_OURS = 5.0  # seconds until this process looks again whether a hook has become its own

Key = tuple[str, str]
"""The names of a hook and of a list."""


def group(hook: str) -> str:
    """The name under which a hook is assigned to one process; no sink can have it."""
    return f"hook:{hook}"


class Polls:
    """
    The pollers by hook and list. ``owns`` says whether a group is this process's own.

    ``clock`` returns Unix milliseconds.
    """

    def __init__(self, *, owns: Callable[[str], bool], clock: Callable[[], int]) -> None:
        self._owns = owns
        self._clock = clock
        self._pollers: dict[Key, Poller] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._wakes: dict[Key, asyncio.Event] = {}
        self._changed = asyncio.Event()
        self._turns = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(MOST))

    def change(self, pollers: Sequence[Poller]) -> None:
        """Use other pollers; those whose settings are the same go on as they are."""
        new = {(poller.config.hook, poller.config.list.name): poller for poller in pollers}
        for key, poller in self._pollers.items():
            if key in new and new[key].is_like(poller):
                new[key] = poller
            elif (task := self._tasks.pop(key, None)) is not None:
                task.cancel()
        self._pollers = new
        self._changed.set()

    def wake(self, groups: Collection[str]) -> None:
        """Ask for all lists of the hooks with these groups now."""
        for key, wake in self._wakes.items():
            if group(key[0]) in groups:
                wake.set()

    def statuses(self) -> Mapping[Key, PollStatus]:
        return {key: poller.status for key, poller in self._pollers.items()}

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until ``stop``; requests on their way are given up then. Raises BrokenError."""
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                self._changed.clear()
                for key in self._pollers.keys() - self._tasks.keys():
                    self._wakes[key] = asyncio.Event()
                    polling = self._poll(self._pollers[key], self._wakes[key])
                    self._tasks[key] = tasks.create_task(polling, name=f"poll {' '.join(key)}")
                await first(None, stop, self._changed)
            for task in self._tasks.values():
                task.cancel()

    async def _poll(self, poller: Poller, wake: asyncio.Event) -> None:
        while True:
            if not self._owns(group(poller.config.hook)):
                await first(NOT_OURS, wake)
                wake.clear()
                continue
            due_at = poller.status.due_at
            pause = LONGEST if due_at is None else (due_at - self._clock()) / 1000
            if pause > 0:
                await first(min(pause, LONGEST), wake)
                if not wake.is_set() and (due_at is None or self._clock() < due_at):
                    continue
            wake.clear()  # before the step: during it somebody can ask for another one
            async with self._turns[poller.config.server]:
                await poller.step()
