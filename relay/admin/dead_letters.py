"""The page on dead letters, by the reason why they died: tried again, or dropped."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from relay.admin import summary as telling
from relay.admin.context import Operation, operation
from relay.admin.security import form
from relay.admin.templating import page
from relay.outbox import DeadGroup, DeliverySearch
from relay.outcome import State

ACTIONS = ("revive", "drop")
STEP = 500  # letters in one commit: lanes write in between
SHOWN = 3  # letters of a group that the page names
NAMED = ("id", "sink", "reason")
"""What says which letters are meant; nothing: all."""


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
    groups = await _chosen(operation(request), request.query)
    number = sum(group.number for group in groups)
    if not number:
        raise web.HTTPSeeOther("/dead")
    return page(
        request,
        "confirm.html",
        action=action,
        number=number,
        groups=groups,
        chosen={name: request.query[name] for name in NAMED if name in request.query},
        newest=max(group.newest for group in groups),
    )


async def act(request: web.Request) -> web.Response:
    """Those that were there when it was confirmed, and no others that have died since."""
    now, given = operation(request), await form(request)
    action, newest = _action(given.get("action", "")), _whole(given.get("newest", ""))
    number, letter = 0, _whole(given.get("id", ""))
    for group in await _chosen(now, given):
        if letter:
            number += await _done(now, action, [letter])
        else:
            number += await _all_done(now, action, group, newest=newest)
        now.wake(group.sink)
    raise web.HTTPSeeOther(f"/dead?done={action}&number={number}")


async def _all_done(now: Operation, action: str, group: DeadGroup, *, newest: int) -> int:
    number, before = 0, newest + 1
    while rows := await now.outbox.deliveries(_search(group, before=before), limit=STEP):
        number += await _done(now, action, [one.id for one in rows])
        before = rows[-1].id
    return number


async def _done(now: Operation, action: str, ids: Sequence[int]) -> int:
    if action == "revive":
        return await now.outbox.revive(ids, now=now.clock())
    return await now.outbox.drop(ids)


async def _chosen(now: Operation, given: Mapping[str, str]) -> Sequence[DeadGroup]:
    """The one letter that is named, or the one group, or all."""
    if "id" in given:
        one = await now.outbox.delivery(_whole(given["id"]))
        if one is None or one.state is not State.DEAD:
            return []
        return [DeadGroup(sink=one.sink, reason=one.reason or "", number=1, newest=one.id)]
    groups = await now.outbox.dead_groups()
    if "sink" not in given:
        return groups
    wanted = given["sink"], given.get("reason", "")
    return [group for group in groups if (group.sink, group.reason) == wanted]


def _search(group: DeadGroup, *, before: int | None = None) -> DeliverySearch:
    return DeliverySearch(sink=group.sink, state=State.DEAD, reason=group.reason, before=before)


def _action(given: str) -> str:
    if given not in ACTIONS:
        raise web.HTTPBadRequest(text="there is no such action\n")
    return given


def _whole(given: str) -> int:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0
