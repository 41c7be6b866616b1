"""The page on dead letters, by the reason why they died: tried again, or dropped."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from relay.outbox import DeadGroup, Search
from relay.outcome import State
from relay.web import telling
from relay.web.form import form
from relay.web.operation import Operation, operation
from relay.web.page import page

ACTIONS = ("revive", "drop")
STEP = 500  # letters in one commit: lanes write in between
SHOWN = 3  # letters of a group that the page names


async def listed(request: web.Request) -> web.Response:
    outbox = operation(request).outbox
    groups = await outbox.dead_groups()
    examples = [await outbox.deliveries(_search(group), limit=SHOWN) for group in groups]
    done = request.query.get("done", "")
    return page(
        request,
        "dead.html",
        groups=list(zip(groups, examples, strict=True)),
        number=sum(group.number for group in groups),
        told=telling.told,
        done=done if done in ACTIONS else "",
        acted=_whole(request.query.get("number", "")),
    )


async def confirm(request: web.Request) -> web.Response:
    """How many it would be, before it is done."""
    action = _action(request.query.get("action", ""))
    groups = _chosen(await operation(request).outbox.dead_groups(), request.query)
    number = sum(group.number for group in groups)
    if not number:
        raise web.HTTPSeeOther("/dead")
    return page(
        request,
        "confirm.html",
        action=action,
        number=number,
        groups=groups,
        sink=request.query.get("sink"),
        reason=request.query.get("reason"),
        newest=max(group.newest for group in groups),
    )


async def act(request: web.Request) -> web.Response:
    """Those that were there when it was confirmed, and no others that have died since."""
    now, given = operation(request), await form(request)
    action, newest = _action(given.get("action", "")), _whole(given.get("newest", ""))
    number = 0
    for group in _chosen(await now.outbox.dead_groups(), given):
        number += await _done(now, action, group, newest=newest)
        now.wake(group.sink)
    raise web.HTTPSeeOther(f"/dead?done={action}&number={number}")


async def _done(now: Operation, action: str, group: DeadGroup, *, newest: int) -> int:
    number, before = 0, newest + 1
    while rows := await now.outbox.deliveries(_search(group, before=before), limit=STEP):
        ids, before = [one.id for one in rows], rows[-1].id
        if action == "revive":
            number += await now.outbox.revive(ids, now=now.clock())
        else:
            number += await now.outbox.drop(ids)
    return number


def _chosen(groups: Sequence[DeadGroup], given: Mapping[str, str]) -> Sequence[DeadGroup]:
    """The one that is named, or all."""
    if "sink" not in given:
        return groups
    wanted = given["sink"], given.get("reason", "")
    return [group for group in groups if (group.sink, group.reason) == wanted]


def _search(group: DeadGroup, *, before: int | None = None) -> Search:
    return Search(sink=group.sink, state=State.DEAD, reason=group.reason, before=before)


def _action(given: str) -> str:
    if given not in ACTIONS:
        raise web.HTTPBadRequest(text="there is no such action\n")
    return given


def _whole(given: str) -> int:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0
