"""
What relay sends for each captured webhook to each kind of sink: ``python -m tests.payloads``.

The golden file holds digests: a commit that changes it changes what somebody reads, and a commit
that means not to must leave it alone.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relay import misskey
from relay.config import parse
from relay.errors import RelayError
from relay.i18n import Language
from relay.misskey import samples as sample
from relay.model import Display, Gate, Visibility
from relay.routing.gate import redacted
from relay.text.message import plain_form

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "tests" / "samples"
GOLDEN = SAMPLES / "payloads.jsonl"
CONFIG = """
hooks: {bench: {secret: s}}
sinks:
  discord: {type: discord, url: "http://127.0.0.1:9/api/webhooks/1/a", allow_http: true}
  slack: {type: slack, url: "http://127.0.0.1:9/services/T0/B0/a", allow_http: true}
  matrix:
    {type: matrix, homeserver: "http://127.0.0.1:9", room: "!a:b", token: t, allow_http: true}
  text: {type: console}
routes: [{to: [discord, slack, matrix, text]}]
"""
OPEN = Gate(visibility=frozenset(Visibility), local_only=True, moderation=True, signin_only=True)


def bodies() -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each captured webhook."""
    for kind in sample.kinds():
        yield kind, sample.raw(kind)
    captured = (SAMPLES / "webhooks.jsonl").read_bytes().splitlines()
    for number, line in enumerate(captured, 1):
        yield f"webhooks.jsonl:{number}", json.loads(line)["body"].encode()
    for file in sorted((SAMPLES / "cases" / "events").rglob("*.json")):
        yield file.relative_to(SAMPLES).as_posix(), file.read_bytes()


def lines() -> Iterator[str]:
    """A line for each webhook and reader: a digest of the payload for each sink and form."""
    config = parse(CONFIG, file="payloads", base=ROOT, environ={})
    templates = config.templates_in()
    readers = [
        ("open", OPEN, Display(cw="show", sensitive_media="show"), Language()),
        ("closed", Gate(), Display(), Language("ja", timezone="Asia/Tokyo")),
    ]
    for name, raw in bodies():
        for reader, gate, display, language in readers:
            try:
                event = redacted(gate, misskey.parse(raw, hook="payloads"))
                message = templates.render(event, display=display, language=language)
            except RelayError as error:
                yield json.dumps({"webhook": name, "reader": reader, "error": str(error)})
                continue
            forms = {"full": message, "plain": plain_form(message)}
            digests = {
                f"{sink} {form}": digest(settings.layout([shown]).payload)
                for sink, settings in config.sinks.items()
                for form, shown in forms.items()
            }
            yield json.dumps({"webhook": name, "reader": reader, **digests})


def digest(payload: Any) -> str:
    """Sixteen hexadecimal digits that change with every byte of a payload."""
    written = json.dumps(payload, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:16]


if __name__ == "__main__":
    GOLDEN.write_text("".join(f"{line}\n" for line in lines()))
