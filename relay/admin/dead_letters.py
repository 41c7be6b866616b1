"""The page of dead letters, grouped by sink and reason, to be revived or dropped."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from relay.admin import summary
from relay.admin.context import AdminContext, context_of
from relay.admin.security import form
from relay.admin.templating import page
from relay.outbox import DeadGroup, DeliverySearch
from relay.outcome import State

ACTIONS = ("revive", "drop")
LETTERS_PER_COMMIT = 500  # letters per commit: lanes write in between
EXAMPLES = 3  # letters per group on the page
SELECTORS = ("id", "sink", "reason")
"""The fields that select letters; without any, all are selected."""


async def list_page(request: web.Request) -> web.Response:
    outbox = context_of(request).outbox
    groups = await outbox.dead_groups()
    examples = [await outbox.deliveries(_search(group), limit=EXAMPLES) for group in groups]
    done = request.query.get("done", "")
    return await page(
        request,
        "dead.html",
        groups=list(zip(groups, examples, strict=True)),
        number=sum(group.number for group in groups),
        summarize=summary.summarize,
        done=done if done in ACTIONS else "",
        acted=_integer(request.query.get("number", "")),
    )


async def confirm(request: web.Request) -> web.Response:
    """Show how many letters an action affects, before it happens."""
    action = _action(request.query.get("action", ""))
    groups = await _selected(context_of(request), request.query)
    number = sum(group.number for group in groups)
    if not number:
        raise web.HTTPSeeOther("/dead")
    return await page(
        request,
        "confirm.html",
        action=action,
        number=number,
        groups=groups,
        selection={name: request.query[name] for name in SELECTORS if name in request.query},
        newest=max(group.newest for group in groups),
    )


async def act(request: web.Request) -> web.Response:
    """Act on the letters that existed at the confirmation, not on later ones."""
    context, fields = context_of(request), await form(request)
    action, newest = _action(fields.get("action", "")), _integer(fields.get("newest", ""))
    number, letter = 0, _integer(fields.get("id", ""))
    for group in await _selected(context, fields):
        if letter:
            number += await _act_on(context, action, [letter])
        else:
            number += await _act_on_group(context, action, group, newest=newest)
        context.wake(group.sink)
    raise web.HTTPSeeOther(f"/dead?done={action}&number={number}")


async def _act_on_group(
    context: AdminContext, action: str, group: DeadGroup, *, newest: int
) -> int:
    number, before = 0, newest + 1
    while rows := await context.outbox.deliveries(
        _search(group, before=before), limit=LETTERS_PER_COMMIT
    ):
        number += await _act_on(context, action, [delivery.id for delivery in rows])
        before = rows[-1].id
    return number


async def _act_on(context: AdminContext, action: str, ids: Sequence[int]) -> int:
    if action == "revive":
        return await context.outbox.revive(ids, now=context.clock())
    return await context.outbox.drop(ids)


async def _selected(context: AdminContext, fields: Mapping[str, str]) -> Sequence[DeadGroup]:
    """One letter as a group of its own, one group, or all groups."""
    if "id" in fields:
        letter = await context.outbox.delivery(_integer(fields["id"]))
        if letter is None or letter.state is not State.DEAD:
            return []
        reason = letter.reason or ""
        return [DeadGroup(sink=letter.sink, reason=reason, number=1, newest=letter.id)]
    groups = await context.outbox.dead_groups()
    if "sink" not in fields:
        return groups
    key = fields["sink"], fields.get("reason", "")
    return [group for group in groups if (group.sink, group.reason) == key]


def _search(group: DeadGroup, *, before: int | None = None) -> DeliverySearch:
    return DeliverySearch(sink=group.sink, state=State.DEAD, reason=group.reason, before=before)


def _action(name: str) -> str:
    if name not in ACTIONS:
        raise web.HTTPBadRequest(text="there is no such action\n")
    return name


def _integer(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
