"""
Node-RED: a flow that takes the webhook, compares the secret, and posts a line of text.

https://nodered.org/docs/user-guide/runtime/configuration
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.peer import MissingError, Peer, program
from bench.process import Server, free_port
from bench.process import serving as process
from bench.workload import PATH, SECRET

PACKAGE = "node-red@4"
FUNCTION = f"""
if (msg.req.headers['x-misskey-hook-secret'] !== '{SECRET}') {{
  msg.statusCode = 401;
  return [null, msg];
}}
const event = msg.payload, note = event.body.note || {{}};
const user = note.user || event.body.user || {{}};
const text = `**${{event.type}}** ${{user.username}}: ${{note.text}}\\n${{event.server}}`;
msg.headers = {{'content-type': 'application/json'}};
msg.payload = {{content: text}};
return [msg, null];
"""
SETTINGS = """
module.exports = {{
  uiHost: "127.0.0.1", uiPort: {port}, httpAdminRoot: false, flowFile: "flows.json",
  credentialSecret: false, logging: {{console: {{level: "warn"}}}},
}};
"""


@contextmanager
def serving(folder: Path, address: str) -> Iterator[Server]:
    place = folder / "node-red"
    _install(place)
    port = free_port()
    (place / "flows.json").write_text(json.dumps(_flow(address)), encoding="utf-8")
    (place / "settings.js").write_text(SETTINGS.format(port=port), encoding="utf-8")
    command = [
        program("node", "nodejs"), "node_modules/node-red/red.js",
        "--userDir", str(place), "--settings", str(place / "settings.js"),
    ]  # fmt: skip
    with process(command, folder=place, port=port) as server:
        yield server


def _install(place: Path) -> None:
    if (place / "node_modules").exists():
        return
    install = [program("npm", "npm"), "install", "--silent", "--no-audit", "--no-fund", PACKAGE]
    place.mkdir()
    ended = subprocess.run(install, cwd=place, capture_output=True, text=True, timeout=600)
    if ended.returncode:
        shutil.rmtree(place)
        raise MissingError(f"npm cannot install it: {ended.stderr.strip()[-200:]}")


def _flow(address: str) -> list[dict[str, object]]:
    """The nodes and their wires."""
    return [
        {"id": "tab", "type": "tab", "label": "relay"},
        {"id": "in", "type": "http in", "z": "tab", "method": "post", "url": PATH,
         "wires": [["make"]]},
        {"id": "make", "type": "function", "z": "tab", "func": FUNCTION, "outputs": 2,
         "wires": [["post"], ["out"]]},
        {"id": "post", "type": "http request", "z": "tab", "method": "POST", "ret": "txt",
         "url": f"{address}/discord", "persist": True, "wires": [["out"]]},
        {"id": "out", "type": "http response", "z": "tab", "wires": []},
    ]  # fmt: skip


PEER = Peer(name="Node-RED", serving=serving)
