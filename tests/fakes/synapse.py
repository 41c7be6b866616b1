"""
A real Matrix homeserver for tests: Synapse, from this environment, on a free loopback port.

Its clients here are plain and slow on purpose: what is tested is the relay's client, not these.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

Rate = tuple[float, int]
"""Messages per second and burst, of one user over all rooms."""

COMMAND = (sys.executable, "-m", "synapse.app.homeserver", "-c", "homeserver.yaml")
SERVER_NAME = "localhost.test"
FAST: Rate = (10_000, 10_000)

# https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html
SETTINGS = """
listeners:
  - {{port: {port}, bind_addresses: ["127.0.0.1"], type: http, tls: false,
     resources: [{{names: [client, media]}}]}}
trusted_key_servers: []
suppress_key_server_warning: true
federation_domain_whitelist: []
url_preview_enabled: false
presence: {{enabled: false}}
bcrypt_rounds: 4
rc_message: {message}
rc_registration: {fast}
rc_login: {{address: {fast}, account: {fast}, failed_attempts: {fast}}}
rc_joins: {{local: {fast}, remote: {fast}}}
rc_joins_per_room: {fast}
rc_invites: {{per_room: {fast}, per_user: {fast}, per_issuer: {fast}}}
rc_room_creation: {fast}
"""


@dataclass(frozen=True, slots=True)
class Account:
    user: str
    token: str


class SynapseError(Exception):
    """An answer of the homeserver that is not a success."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


class Synapse:
    """The process with its data folder; `bot` and `reader` are accounts on it."""

    bot: Account
    reader: Account

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def create(self) -> None:
        """Write the configuration and the keys, start, and register the two accounts."""
        self._run("--generate-config", "--server-name", SERVER_NAME, "--report-stats=no")
        self.start()
        self.bot = self.register("bot")
        self.reader = self.register("reader")

    def start(self, *, rc_message: Rate = FAST) -> None:
        """Start on the same port and data, with this limit on messages."""
        self._configure(rc_message)
        command = (*COMMAND, "-c", "relay.yaml")  # the later file wins, key by key
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        deadline = time.monotonic() + 180
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError((self.folder / "output.log").read_text()[-2000:])
            time.sleep(0.05)

    def stop(self, *, grace: float = 10) -> None:
        """SIGTERM, then SIGKILL for one that hangs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self, *, rc_message: Rate = FAST) -> None:
        self.stop()
        self.start(rc_message=rc_message)

    def register(self, name: str) -> Account:
        """Make an account with the shared secret of the configuration."""
        nonce = self.call("GET", "/_synapse/admin/v1/register")["nonce"]
        secret = re.search(
            r'^registration_shared_secret: "?([^"\n]+)"?$', self._config(), re.MULTILINE
        )
        if secret is None:
            raise RuntimeError("no registration_shared_secret in homeserver.yaml")
        parts = "\0".join((nonce, name, "password", "notadmin"))
        mac = hmac.new(secret[1].encode(), parts.encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": "password", "mac": mac}
        answer = self.call("POST", "/_synapse/admin/v1/register", body=body | {"admin": False})
        return Account(answer["user_id"], answer["access_token"])

    async def create_room(
        self,
        *,
        encrypted: bool = False,
        alias: str | None = None,
        invite: tuple[str, ...] = (),
        joined: bool = True,
        by: Account | None = None,
    ) -> str:
        """Make a room as the reader (or `by`); the bot is in it unless `joined` is False."""
        state = []
        if encrypted:
            content = {"algorithm": "m.megolm.v1.aes-sha2"}
            state.append({"type": "m.room.encryption", "state_key": "", "content": content})
        body: dict[str, Any] = {"preset": "private_chat", "initial_state": state}
        if alias is not None:
            body["room_alias_name"] = alias
        guests = {*invite, self.bot.user} if joined else set(invite)
        maker = by or self.reader
        body["invite"] = sorted(guests - {maker.user})
        answer = await self.acall(
            "POST", "/_matrix/client/v3/createRoom", token=maker.token, body=body
        )
        room = str(answer["room_id"])
        if joined and maker != self.bot:
            await self.join(room)
        return room

    async def join(self, room: str, *, by: Account | None = None) -> None:
        token = (by or self.bot).token
        await self.acall("POST", f"/_matrix/client/v3/join/{_quoted(room)}", token=token, body={})

    async def messages(self, room: str, *, by: Account | None = None) -> list[dict[str, Any]]:
        """All m.room.message events of a room, in order."""
        path = f"/_matrix/client/v3/rooms/{_quoted(room)}/messages?dir=f&limit=100"
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"end": ""}
        while "end" in page:
            since = f"&from={quote(page['end'], safe='')}" if page["end"] else ""
            page = await self.acall("GET", path + since, token=(by or self.reader).token)
            found += [event for event in page["chunk"] if event["type"] == "m.room.message"]
        return found

    async def acall(
        self, method: str, path: str, *, token: str | None = None, body: Any = None
    ) -> dict[str, Any]:
        return await asyncio.to_thread(self.call, method, path, token=token, body=body)

    def call(
        self, method: str, path: str, *, token: str | None = None, body: Any = None
    ) -> dict[str, Any]:
        """One request of the client-server API; SynapseError unless it succeeds."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(
            self.base_url + path, data=data, headers=headers, method=method
        )
        # No proxy, whatever the environment says: the server is on loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=120) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                raise SynapseError(error.code, json.loads(error.read() or b"{}")) from None

    def _is_up(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def _config(self) -> str:
        return (self.folder / "homeserver.yaml").read_text()

    def _configure(self, message: Rate) -> None:
        settings = SETTINGS.format(port=self.port, message=_rate(message), fast=_rate(FAST))
        (self.folder / "relay.yaml").write_text(settings)

    def _run(self, *arguments: str) -> None:
        subprocess.run((*COMMAND, *arguments), cwd=self.folder, check=True, capture_output=True)


def _rate(rate: Rate) -> str:
    return f"{{per_second: {rate[0]}, burst_count: {rate[1]}}}"


def _quoted(room: str) -> str:
    return quote(room, safe="")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
