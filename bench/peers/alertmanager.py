"""
Prometheus' Alertmanager: it takes alerts, not webhooks, so it is sent alerts of about that size.

Every alert is a group of its own, and goes out at once.
https://prometheus.io/docs/alerting/latest/configuration/
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.peer import Peer, program
from bench.process import Server, free_port
from bench.process import serving as process
from bench.workload import MARK

CONFIG = {
    "route": {
        "receiver": "chat",
        "group_by": ["..."],
        "group_wait": "0s",
        "group_interval": "1s",
        "repeat_interval": "1h",
    },
}


def alerts(folder: Path) -> Path:
    """A file with one alert, as its API takes them, with the mark in it."""
    alert = {
        "labels": {"alertname": "mention", "server": f"b{MARK}.example"},
        "annotations": {"description": "hello " * 300},
    }
    path = folder / "alerts.jsonl"
    path.write_text(json.dumps([alert]) + "\n", encoding="utf-8")
    return path


@contextmanager
def serving(folder: Path, address: str) -> Iterator[Server]:
    found, port = program("prometheus-alertmanager", "prometheus-alertmanager"), free_port()
    chat = {"url": f"{address}/discord", "send_resolved": False}
    config = {**CONFIG, "receivers": [{"name": "chat", "webhook_configs": [chat]}]}
    file = folder / "alertmanager.yml"
    file.write_text(json.dumps(config), encoding="utf-8")
    command = [
        found, f"--config.file={file}", f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ]  # fmt: skip
    with process(command, folder=folder, port=port) as server:
        yield server


PEER = Peer(name="Alertmanager, with alerts", serving=serving, path="/api/v2/alerts", events=alerts)
