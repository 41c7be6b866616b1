"""Writes pictures/architecture.svg, the way of an event: ``python docs/architecture.py``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

PICTURE = Path(__file__).parent / "pictures" / "architecture.svg"
WIDTH, HEIGHT = 220, 118  # of a box, in pixels
GAP_X, GAP_Y, MARGIN = 64, 62, 24
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 14px; }
  .module { font: 12px ui-monospace, monospace; fill: #0550ae; }
  .label { font-size: 12px; fill: #59636e; }
  rect { fill: #f6f8fa; stroke: #8c959f; rx: 8px; }
  .outside { fill: none; stroke-dasharray: 5 4; }
  .durable { fill: #dafbe1; stroke: #1a7f37; }
  path { stroke: #59636e; stroke-width: 1.6; fill: none; }
  marker path { fill: #59636e; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .module { fill: #79c0ff; }
    .label { fill: #9198a1; }
    rect { fill: #161b22; stroke: #6e7681; }
    .outside { fill: none; }
    .durable { fill: #12261e; stroke: #3fb950; }
    path { stroke: #9198a1; }
    marker path { fill: #9198a1; }
  }
"""


@dataclass(frozen=True)
class Box:
    """A station on the way; ``modules`` are paths in the package."""

    column: int
    row: int
    title: str
    modules: tuple[str, ...]
    lines: tuple[str, ...]
    kind: str = ""

    @property
    def left(self) -> int:
        return MARGIN + self.column * (WIDTH + GAP_X)

    @property
    def top(self) -> int:
        return MARGIN + self.row * (HEIGHT + GAP_Y)


MISSKEY = Box(0, 0, "Misskey", (), ("posts a webhook, again", "until the answer is 2xx"), "outside")
INTAKE = Box(
    1, 0, "HTTP intake", ("intake/server.py", "misskey/envelope.py"),
    ("secret, size, envelope:", "is it an event?"),
)  # fmt: skip
JOURNAL = Box(
    2, 0, "Journal", ("intake/acceptance.py", "outbox/base.py"),
    ("the event as it came,", "in one commit with others"), "durable",
)  # fmt: skip
ROUTER = Box(
    3, 0, "Router", ("intake/router.py", "intake/rules.py"),
    ("routes, gates, deliveries:", "one commit per batch"), "durable",
)  # fmt: skip
LANE = Box(
    3, 1, "Lane of one sink", ("delivery/lanes.py", "delivery/lane.py"),
    ("claims the head of the", "queue: order is kept"),
)  # fmt: skip
RENDERING = Box(
    2, 1, "Rendering", ("delivery/renderer.py", "rendering/templates.py"),
    ("the gate again, Jinja,", "MFM: a tree of text"),
)  # fmt: skip
SINK = Box(
    1, 1, "Sink", ("delivery/sender.py", "sinks/base.py"),
    ("layout within the limits,", "one HTTP request"),
)  # fmt: skip
CHATS = Box(
    0, 1, "Chats", (), ("Discord, Slack, Matrix", "and the readers there"), "outside"
)  # fmt: skip
OUTCOME = Box(
    1, 2, "Outcome", ("outcome.py", "sinks/http.py"),
    ("the vendor's errors.py", "classifies the answer"),
)  # fmt: skip
SETTLE = Box(
    2, 2, "Decision", ("delivery/settle.py", "delivery/breaker.py"),
    ("next state of a delivery,", "and of trust in the sink"),
)  # fmt: skip
STATE = Box(
    3, 2, "State", ("outbox/base.py",),
    ("delivered, dead, or", "pending until it is due"), "durable",
)  # fmt: skip
BOXES = (
    MISSKEY, INTAKE, JOURNAL, ROUTER, LANE, RENDERING, SINK, CHATS, OUTCOME, SETTLE, STATE
)  # fmt: skip
ARROWS = (
    (MISSKEY, INTAKE, "POST"),
    (INTAKE, JOURNAL, "journal"),
    (JOURNAL, ROUTER, "Event"),
    (ROUTER, LANE, "wake, claim"),
    (LANE, RENDERING, "Delivery"),
    (RENDERING, SINK, "Message"),
    (SINK, CHATS, "request"),
    (SINK, OUTCOME, "answer"),
    (OUTCOME, SETTLE, "Outcome"),
    (SETTLE, STATE, "save"),
    (STATE, LANE, "due again"),
)
"""Between neighbours: each arrow is a straight line."""


def picture() -> str:
    width = ROUTER.left + WIDTH + MARGIN
    height = STATE.top + HEIGHT + MARGIN
    parts = "\n".join([*_arrows(), _answer(), *(part for box in BOXES for part in _drawn(box))])
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>The way of an event from Misskey to a chat</title>
<style>{STYLE}</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
 orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>
{parts}
</svg>
"""


def _drawn(box: Box) -> Iterator[str]:
    yield (
        f'<rect class="{box.kind}" x="{box.left}" y="{box.top}" width="{WIDTH}" height="{HEIGHT}"/>'
    )
    rows = [("title", box.title), *(("module", name) for name in box.modules)]
    rows += [("", line) for line in box.lines]
    for number, (style, words) in enumerate(rows):
        y = box.top + 24 + 20 * number
        yield f'<text class="{style}" x="{box.left + 14}" y="{y}">{escape(words)}</text>'


def _arrows() -> Iterator[str]:
    for start, end, label in ARROWS:
        if start.row == end.row:
            ahead = end.column > start.column
            x, to = (start.left + WIDTH, end.left) if ahead else (start.left, end.left + WIDTH)
            y = start.top + HEIGHT // 2
            yield f'<path d="M{x} {y} H{to}" marker-end="url(#head)"/>'
            yield _label((x + to) // 2, y - 8, label, "middle")
        else:
            down = end.row > start.row
            y, to = (start.top + HEIGHT, end.top) if down else (start.top, end.top + HEIGHT)
            x = start.left + WIDTH // 2
            yield f'<path d="M{x} {y} V{to}" marker-end="url(#head)"/>'
            yield _label(x + 10, (y + to) // 2 + 4, label, "start")


def _answer() -> str:
    """The 204 that Misskey gets once the journal has committed: below the first row."""
    x, y, low = JOURNAL.left + 40, JOURNAL.top + HEIGHT, JOURNAL.top + HEIGHT + 26
    to = MISSKEY.left + WIDTH // 2
    line = f'<path d="M{x} {y} V{low} H{to} V{y}" marker-end="url(#head)"/>'
    return line + _label(SINK.left + WIDTH // 2, low - 6, "204 after the commit", "middle")


def _label(x: int, y: int, words: str, anchor: str) -> str:
    return f'<text class="label" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
