"""
adnanh/webhook: it compares the secret and runs a program for each request, here curl.

It waits for the program: without that, a load would start programs without end.
https://github.com/adnanh/webhook/blob/master/docs/Hook-Definition.md
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.peer import Peer, program
from bench.process import Server, free_port
from bench.process import serving as process
from bench.workload import HOOK, SECRET


@contextmanager
def serving(folder: Path, address: str) -> Iterator[Server]:
    found, curl, port = program("webhook", "webhook"), program("curl", "curl"), free_port()
    header = {"source": "header", "name": "X-Misskey-Hook-Secret"}
    hook = {
        "id": HOOK,
        "execute-command": curl,
        "include-command-output-in-response": True,
        "pass-arguments-to-command": [
            *({"source": "string", "name": word} for word in ("-s", "-o", "/dev/null", "-d")),
            {"source": "payload", "name": "server"},
            {"source": "string", "name": f"{address}/discord"},
        ],
        "trigger-rule": {"match": {"type": "value", "value": SECRET, "parameter": header}},
    }
    file = folder / "hooks.json"
    file.write_text(json.dumps([hook]), encoding="utf-8")
    command = [found, "-hooks", str(file), "-ip", "127.0.0.1", "-port", str(port)]
    with process(command, folder=folder, port=port) as server:
        yield server


PEER = Peer(name="adnanh/webhook, with curl", serving=serving)
