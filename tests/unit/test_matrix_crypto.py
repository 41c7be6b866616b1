"""Keys, signatures and sessions of Matrix's encryption, without a homeserver."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vodozemac import (
    Account,
    AnyOlmMessage,
    InboundGroupSession,
    MegolmMessage,
    Session,
    SessionKey,
)

from relay.outcome import Closed, Failed, Outcome
from relay.sinks.matrix.address import check_keys
from relay.sinks.matrix.crypto.identity import CrossSigning, Identity
from relay.sinks.matrix.crypto.megolm import Encryption
from relay.sinks.matrix.crypto.readers import (
    Device,
    devices_of,
    one_time_key,
    problem_of,
    unreached,
)
from relay.sinks.matrix.crypto.signing import canonical, is_signed, public_of, signed

BOT, ALICE = "@bot:m.example", "@alice:m.example"
ROOM = "!room:m.example"
RULES = {"algorithm": "m.megolm.v1.aes-sha2"}


def own(cross_signing: CrossSigning | None = None) -> Identity:
    return Identity.create(BOT, "OURS", cross_signing or CrossSigning.create())


def member(name: str, device: str, cross_signing: CrossSigning) -> Identity:
    return Identity.create(name, device, cross_signing)


def listed(*identities: Identity) -> dict[str, Any]:
    """The answer to /keys/query about these devices."""
    answer: dict[str, Any] = {"device_keys": {}, "master_keys": {}, "self_signing_keys": {}}
    for identity in identities:
        devices = answer["device_keys"].setdefault(identity.user, {})
        devices[identity.device] = identity.device_keys()
        keys = identity.cross_signing.published(identity.user)
        answer["master_keys"][identity.user] = keys["master_key"]
        answer["self_signing_keys"][identity.user] = keys["self_signing_key"]
    return json.loads(json.dumps(answer))  # type: ignore[no-any-return]


def test_canonical_json_is_that_of_the_specification() -> None:
    value = {"b": "日", "a": {"d": 1, "c": None}, "signatures": {}, "unsigned": {}}
    assert canonical(value) == '{"a":{"c":null,"d":1},"b":"日"}'.encode()


def test_a_signature_is_of_its_object_its_user_and_its_key() -> None:
    account = Account()
    value = signed({"a": 1}, ALICE, "KEY", account)
    assert is_signed(value, ALICE, "KEY", public_of(account))
    assert is_signed(value | {"unsigned": {"age": 1}}, ALICE, "KEY", public_of(account))
    assert not is_signed(value | {"a": 2}, ALICE, "KEY", public_of(account))
    assert not is_signed(value, BOT, "KEY", public_of(account))
    assert not is_signed(value, ALICE, "OTHER", public_of(account))
    assert not is_signed(value, ALICE, "KEY", public_of(Account()))


def test_keys_are_read_as_they_were_written() -> None:
    identity = own()
    text = identity.written()
    check_keys(text)
    again = Identity.read(text)
    assert (again.user, again.device) == (BOT, "OURS")
    assert again.public_keys == identity.public_keys
    assert again.cross_signing.published(BOT) == identity.cross_signing.published(BOT)


@pytest.mark.parametrize("text", ["relaykeys1.", "relaykeys1.e30=", "relaykeys1.AAAA", "x"])
def test_damaged_keys_are_refused_without_their_text(text: str) -> None:
    with pytest.raises(ValueError, match="is damaged: it is not all that"):
        Identity.read(text)


def test_only_devices_that_their_owners_signed_read() -> None:
    identity, signing = own(), CrossSigning.create()
    phone, laptop = member(ALICE, "PHONE", signing), member(ALICE, "LAPTOP", CrossSigning.create())
    answer = listed(identity, laptop, phone)  # the keys of the phone's owner come last
    ids = {one.id for one in devices_of(answer, [BOT, ALICE], own=identity, signed=True)}
    assert ids == {"PHONE"}
    ids = {one.id for one in devices_of(answer, [BOT, ALICE], own=identity, signed=False)}
    assert ids == {"PHONE", "LAPTOP"}


def test_a_key_that_signs_devices_counts_only_if_the_master_key_signed_it() -> None:
    identity = own()
    answer = listed(identity, member(ALICE, "PHONE", CrossSigning.create()))
    master = CrossSigning.create().published(ALICE)["master_key"]
    answer["master_keys"][ALICE] = master  # a homeserver that puts in its own
    assert not [*devices_of(answer, [ALICE], own=identity, signed=True)]


def test_a_device_whose_keys_were_changed_does_not_read() -> None:
    identity = own()
    answer = listed(identity, member(ALICE, "PHONE", CrossSigning.create()))
    keys = answer["device_keys"][ALICE]["PHONE"]["keys"]
    keys["curve25519:PHONE"] = Account().curve25519_key.to_base64()
    assert not [*devices_of(answer, [ALICE], own=identity, signed=False)]


def test_the_problems_of_our_own_device_are_named() -> None:
    identity = own()
    assert problem_of(listed(identity), identity) is None
    assert "does not know" in str(problem_of(listed(), identity))
    assert "other keys" in str(problem_of(listed(own()), identity))
    reset = listed(identity)
    reset |= {key: listed(own())[key] for key in ("master_keys", "self_signing_keys")}
    assert "was reset" in str(problem_of(reset, identity))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([ALICE, "PHONE", "keys", "signatures", "usage", "user_id", "device_keys",
                         "master_keys", "self_signing_keys", "one_time_keys", "failures"]),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(
    answer=st.dictionaries(
        st.sampled_from(
            ["device_keys", "master_keys", "self_signing_keys", "one_time_keys", "failures"]
        ),
        JSON,
    )
)
def test_no_answer_of_a_homeserver_is_a_bug(answer: Mapping[str, Any]) -> None:
    identity = own()
    assert not [*devices_of(answer, [ALICE], own=identity, signed=False)]
    assert one_time_key(answer, Device(ALICE, "PHONE", "c", "e")) is None
    assert problem_of(answer, identity) is not None
    unreached(answer, [ALICE])


class Homeserver:
    """A homeserver in memory, which hands out keys and takes messages to devices."""

    def __init__(self, identity: Identity) -> None:
        self.own = identity
        self.members = [BOT]
        self.identities: list[Identity] = [identity]
        self.failures: dict[str, Any] = {}
        self.empty: set[str] = set()
        """The devices without a key to begin a session with."""
        self.refused: str | None = None
        self.inbound: dict[str, dict[str, InboundGroupSession]] = {}
        """By device and session."""
        self.claims: list[str] = []
        self._sessions: dict[str, Session] = {}

    def join(self, *identities: Identity) -> None:
        for identity in identities:
            self.members.append(identity.user)
            self.identities.append(identity)

    async def content(
        self, method: str, *path: str, body: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any] | Outcome:
        body = body or {}
        if path[0] == self.refused:
            return Failed("500", unsent=True)
        match path:
            case ("account", "whoami"):
                return {"user_id": self.own.user, "device_id": self.own.device}
            case ("rooms", _, "joined_members"):
                return {"joined": {user: {} for user in self.members}}
            case ("keys", "query"):
                there = [one for one in self.identities if one.user in body["device_keys"]]
                return listed(*there) | {"failures": self.failures}
            case ("keys", "claim"):
                return {"one_time_keys": self._claimed(body["one_time_keys"])}
            case ("sendToDevice", *_):
                self._deliver(body["messages"])
                return {}
        raise AssertionError(path)

    def _claimed(self, keys: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        claimed: dict[str, Any] = {}
        for identity in self.identities:
            device = identity.device
            if device in keys.get(identity.user, {}) and device not in self.empty:
                self.claims.append(device)
                identity.account.generate_one_time_keys(1)
                (id, key), *_ = identity.account.one_time_keys.items()
                identity.account.mark_keys_as_published()
                value = signed({"key": key.to_base64()}, identity.user, device, identity.account)
                claimed.setdefault(identity.user, {})[device] = {f"signed_curve25519:{id}": value}
        return claimed

    def _deliver(self, messages: Mapping[str, Mapping[str, Any]]) -> None:
        for identity in self.identities:
            message = messages.get(identity.user, {}).get(identity.device)
            if message is None:
                continue
            sender = self.own.account.curve25519_key
            text = message["ciphertext"][identity.account.curve25519_key.to_base64()]
            olm = AnyOlmMessage.from_parts(text["type"], _bytes(text["body"])).to_pre_key()
            assert olm is not None  # nobody answers, so that each message could begin the session
            if (session := self._sessions.get(identity.device)) is None:
                session, plaintext = identity.account.create_inbound_session(sender, olm)
                self._sessions[identity.device] = session
            else:
                plaintext = session.decrypt(olm.to_any())
            content = json.loads(plaintext)["content"]
            group = InboundGroupSession(SessionKey(content["session_key"]))
            assert group.session_id == content["session_id"]
            self.inbound.setdefault(identity.device, {})[group.session_id] = group

    def read(self, device: str, event: Mapping[str, Any]) -> str | None:
        session = self.inbound.get(device, {}).get(event["session_id"])
        if session is None:
            return None
        try:
            message = session.decrypt(MegolmMessage.from_base64(event["ciphertext"]))
        except ValueError:
            return None
        return str(json.loads(message.plaintext)["content"]["body"])


def _bytes(text: str) -> bytes:
    return b64decode(text + "==")


class Sender:
    """The encryption of a sink, at a homeserver, on a clock."""

    def __init__(self, *, signed: bool = True) -> None:
        identity = own()
        self.now = 0.0
        self.home = Homeserver(identity)
        home: Any = self.home
        self.encryption = Encryption(identity, home, signed=signed, clock=lambda: self.now)

    async def send(self, text: str = "hello", **rules: Any) -> Mapping[str, Any]:
        event = await self.encryption.encrypted(ROOM, RULES | rules, {"body": text})
        assert isinstance(event, Mapping), event
        return event


@pytest.fixture
def sender() -> Sender:
    sender = Sender()
    sender.home.join(member(ALICE, "PHONE", CrossSigning.create()))
    return sender


async def test_a_device_gets_the_key_once_and_reads_every_message(sender: Sender) -> None:
    events = [await sender.send(str(number)) for number in range(5)]
    assert [sender.home.read("PHONE", event) for event in events] == ["0", "1", "2", "3", "4"]
    assert sender.home.claims == ["PHONE"]


async def test_a_new_device_reads_from_then_on(sender: Sender) -> None:
    before = await sender.send()
    sender.home.join(member("@bob:m.example", "BOBS", CrossSigning.create()))
    after = await sender.send()
    assert after["session_id"] == before["session_id"]
    assert [sender.home.read("BOBS", event) for event in (before, after)] == [None, "hello"]


async def test_after_a_member_has_left_the_key_is_another(sender: Sender) -> None:
    sender.home.join(member("@bob:m.example", "BOBS", CrossSigning.create()))
    before = await sender.send()
    sender.home.members.remove("@bob:m.example")
    after = await sender.send()
    assert [sender.home.read("BOBS", event) for event in (before, after)] == ["hello", None]
    assert sender.home.read("PHONE", after) == "hello"


@pytest.mark.parametrize(
    ("rules", "seconds", "number"),
    [
        ({}, 1, 3),
        ({"rotation_period_msgs": 10}, 1, 25),
        ({"rotation_period_msgs": 0}, 1, 250),
        ({"rotation_period_msgs": "many"}, 1, 3),
        ({"rotation_period_ms": 60_000}, 1, 3),  # never more often than once an hour
        ({"rotation_period_ms": 7_200_000}, 60, 3),
        ({}, 604_800 / 100, 3),
    ],
)
async def test_the_key_changes_by_number_and_by_age(
    sender: Sender, rules: dict[str, Any], seconds: float, number: int
) -> None:
    sessions = set()
    for _ in range(250):
        event = await sender.send(**rules)
        assert sender.home.read("PHONE", event) == "hello"
        sessions.add(event["session_id"])
        sender.now += seconds
    assert len(sessions) == number


async def test_a_device_without_a_key_is_asked_again_later(sender: Sender) -> None:
    sender.home.join(member("@bob:m.example", "BOBS", CrossSigning.create()))
    sender.home.empty = {"BOBS"}
    events = [await sender.send(), await sender.send()]
    sender.home.empty = set()
    events.append(await sender.send())
    sender.now += 15
    events.append(await sender.send())
    assert [sender.home.read("BOBS", event) for event in events] == [None, None, None, "hello"]
    assert [sender.home.read("PHONE", event) for event in events] == ["hello"] * 4


async def test_nothing_is_encrypted_while_nobody_could_be_given_the_key(sender: Sender) -> None:
    sender.home.empty = {"PHONE"}
    outcome = await sender.encryption.encrypted(ROOM, RULES, {"body": "hello"})
    assert isinstance(outcome, Failed)
    assert outcome.unsent


async def test_devices_of_an_unreachable_server_keep_the_key(sender: Sender) -> None:
    bob = member("@bob:far.example", "BOBS", CrossSigning.create())
    sender.home.join(bob)
    before = await sender.send()
    sender.home.identities.remove(bob)
    sender.home.failures = {"far.example": {}}
    after = await sender.send()
    assert after["session_id"] == before["session_id"]


@pytest.mark.parametrize("refused", ["account", "rooms", "keys", "sendToDevice"])
async def test_after_a_failure_the_next_attempt_gives_the_key(sender: Sender, refused: str) -> None:
    sender.home.refused = refused
    outcome = await sender.encryption.encrypted(ROOM, RULES, {"body": "hello"})
    assert outcome == Failed("500", unsent=True)
    sender.home.refused = None
    assert sender.home.read("PHONE", await sender.send()) == "hello"


async def test_a_room_without_readers_closes_the_sink() -> None:
    outcome = await Sender().encryption.readers(ROOM)
    assert isinstance(outcome, Closed)
    assert "nobody in the room has a device" in outcome.reason


async def test_a_token_of_another_login_closes_the_sink(sender: Sender) -> None:
    sender.home.own = own()
    sender.encryption._identity = Identity.create(BOT, "OTHER", CrossSigning.create())
    outcome = await sender.encryption.encrypted(ROOM, RULES, {"body": "hello"})
    assert isinstance(outcome, Closed)
    assert "two different logins" in outcome.reason


async def test_an_unknown_way_of_encryption_closes_the_sink(sender: Sender) -> None:
    rules = {"algorithm": "m.megolm.v9"}
    outcome = await sender.encryption.encrypted(ROOM, rules, {"body": "hello"})
    assert isinstance(outcome, Closed)
    assert "m.megolm.v9" in outcome.reason


async def test_a_relation_stays_readable_for_the_server(sender: Sender) -> None:
    relation = {"rel_type": "m.replace", "event_id": "$1"}
    content = {"body": "new", "m.relates_to": relation}
    event = await sender.encryption.encrypted(ROOM, RULES, content)
    assert isinstance(event, Mapping)
    assert event["m.relates_to"] == relation
    assert event.keys() == {
        "algorithm", "ciphertext", "session_id", "sender_key", "device_id", "m.relates_to"
    }  # fmt: skip
