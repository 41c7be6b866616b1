"""The command line answers every question, and wrong usage with what would be right."""

import argparse
import asyncio
import io
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from relay import password
from relay.cli import main as cli
from relay.cli.output import colour_for
from relay.config import settings as settings_of_config
from relay.delivery.settle import AttemptContext, settle
from relay.misskey import samples as sample
from relay.outbox import ClaimRequest, SQLiteOutbox
from relay.outcome import Rejected
from tests import cases
from tests.factories import accept, an_event

CONFIG = """
outbox: sqlite:{folder}/relay.db
hooks:
  alice: {{secret: s3cret, server: https://mine.example}}
  bob: {{secret: s3cret}}
sinks:
  team: {{type: console}}
  mods: {{type: console, moderation: true}}
  room: {{type: matrix, homeserver: https://m.example, room: "!a:b", token: s3cret}}
routes:
  - name: mentions
    match: {{event: mention, hook: alice, server: mine.example}}
    to: [team, room]
  - {{match: {{event: abuseReport}}, to: mods}}
  - {{match: {{hook: bob}}, to: [room, mods]}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    (tmp_path / "config.yaml").chmod(0o600)
    return tmp_path


def parsers(parser: argparse.ArgumentParser, name: tuple[str, ...] = ()):
    """Every command there is, by its words."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, inner in action.choices.items():
                yield (*name, word)
                yield from parsers(inner, (*name, word))


COMMANDS = list(parsers(cli.parser()))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(relay, command):
    answer = relay(*command, "--help")
    assert answer.code == 0
    assert f"usage: relay {' '.join(command)}" in answer.out
    example = re.search(r"example:\n  (relay .*)", answer.out)
    assert example is not None
    assert example[1].split()[1 : len(command) + 1] == list(command)


def test_the_commands_are_those_of_the_design():
    assert {" ".join(command) for command in COMMANDS} == {
        "serve", "reload", "check", "route", "preview", "send-test", "demo", "mfm", "doctor",
        "dead", "dead list", "dead show", "dead revive", "dead drop",
        "deliveries", "deliveries show", "sinks", "sinks pause", "sinks resume",
        "sinks give-up",
        "replay", "catch-up", "backup",
        "outbox", "outbox copy",
        "matrix", "matrix login",
        "init", "install-service", "schema", "completion", "password",
    }  # fmt: skip


def test_help_tells_the_exit_codes(relay):
    answer = relay("--help")
    assert (answer.code, "exit codes:" in answer.out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param((), "missing: COMMAND", id="nothing"),
        pytest.param(("sevre",), "there is no sevre: did you mean serve?", id="a misspelt one"),
        pytest.param(("xyz",), "there is no xyz; there is init, serve", id="an unknown one"),
        pytest.param(
            ("route",), "missing: EVENT\nlike this: relay route event.json", id="no event"
        ),
        pytest.param(("send-test",), "like this: relay send-test --sink team", id="no sink"),
        pytest.param(("dead",), "missing: ACTION", id="no action"),
        pytest.param(("dead", "lsit"), "did you mean list?", id="a misspelt action"),
        pytest.param(("dead", "show", "x"), "x should be a number from 1", id="no number"),
        pytest.param(("dead", "show", "9" * 30), "should be a number", id="too large a number"),
        pytest.param(("dead", "list", "--limit", "0"), "number from 1", id="a limit of nothing"),
        pytest.param(("dead", "drop"), "ID --sink --all is required", id="nothing chosen"),
        pytest.param(("dead", "drop", "1", "--all"), "not allowed with", id="two ways to choose"),
        pytest.param(("check", "--onlin"), "unrecognized arguments: --onlin", id="a short option"),
    ],
)
def test_wrong_usage_ends_with_2_and_names_the_fix(relay, arguments, told):
    answer = relay(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert told in answer.err
    assert "like this: relay " in answer.err


@pytest.mark.parametrize("command", ["serve", "check"])
def test_without_a_configuration_it_is_told_how_to_begin(relay, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("relay.cli.context.DEFAULT_PATHS", (Path("config.yaml"),))
    answer = relay(command)
    assert (answer.code, answer.out) == (2, "")
    assert "--config FILE" in answer.err
    assert "relay demo" in answer.err


def test_the_configuration_to_begin_with_is_right(relay, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("relay.cli.context.DEFAULT_PATHS", (Path("config.yaml"),))
    shown = relay("serve").err.split("\n\n")[1]
    (tmp_path / "config.yaml").write_text(shown, encoding="utf-8")
    (tmp_path / "alice.secret").write_text("s3cret", encoding="utf-8")
    (tmp_path / "discord.url").write_text(
        "https://discord.example/webhooks/1/s3cret", encoding="utf-8"
    )
    answer = relay("check")
    assert (answer.code, answer.err) == (0, "")


def test_check_says_what_there_is(relay, folder):
    answer = relay("check")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "ok: 2 hooks, 3 routes, 3 sinks\n"


def test_a_warning_does_not_fail_a_check(relay, folder):
    text = (folder / "config.yaml").read_text(encoding="utf-8")
    (folder / "config.yaml").write_text(text.replace("event: mention", "event: mentoin"))
    answer = relay("check")
    assert answer.code == 0
    assert answer.out.startswith("warning: config.yaml:12:13: routes[0].match.event: Misskey has")


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_driver_that_is_not_installed_is_told_before_anything_starts(
    relay, folder, command, monkeypatch
):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    text = (folder / "config.yaml").read_text(encoding="utf-8")
    text = re.sub("outbox: .*", "outbox: postgresql://relay@db/relay", text)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    answer = relay(command)
    assert (answer.code, answer.out) == (2, "")
    assert "pip install '.[postgres]'" in answer.err


def test_route_tells_who_gets_an_event_and_why_not(relay, folder):
    answer = relay("route", "mention")
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "a mention, as if received by hook alice:",
        "team  by route mentions",
        "mods  no route matches",
        "room  by route mentions",
    ]


def test_route_and_preview_tell_that_a_note_is_for_signed_in_readers(relay, folder):
    config = "hooks: {alice: {secret: x}}\nsinks: {here: {type: console}}\nroutes: [{to: here}]\n"
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    (folder / "event.json").write_bytes(cases.raw("b06"))
    why = "withheld: its author shows it to signed-in readers only"
    for command in ("route", "preview"):
        answer = relay(command, "event.json")
        assert why in answer.out, command
        assert "only for people who are signed in" not in answer.out


def test_route_tells_what_a_gate_withholds(relay, folder):
    answer = relay("route", "userCreated", "--hook", "bob", "--json")
    assert answer.json == {
        "event": "userCreated",
        "sinks": {"mods": "#3"},
        "withheld": {"room": "it is for moderators, and the sink has no moderation: true"},
    }


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        pytest.param("team,room", 0, id="these"),
        pytest.param(" room, team ", 0, id="in any order"),
        pytest.param("team", 1, id="one too few"),
        pytest.param("", 1, id="none"),
        pytest.param("tema", 2, id="a misspelt one"),
    ],
)
def test_route_compares_with_what_is_expected(relay, folder, expected, code):
    assert relay("route", "mention", "--expect", expected).code == code


def test_route_compares_with_nothing(relay, folder):
    assert relay("route", "follow", "--expect", "").code == 0


def test_an_event_comes_by_the_first_hook_unless_another_is_named(relay, folder):
    assert relay("route", "mention", "--hook", "bob", "--expect", "room,mods").code == 0
    answer = relay("route", "mention", "--hook", "bbo")
    assert (answer.code, answer.err) == (2, "no hook is called bbo: did you mean bob?\n")


def test_an_event_is_read_from_a_file_or_standard_input(relay, folder, monkeypatch):
    (folder / "event.json").write_bytes(sample.raw("abuseReport"))
    assert relay("route", "event.json", "--hook", "bob", "--expect", "mods").code == 0
    stdin = io.TextIOWrapper(io.BytesIO(sample.raw("abuseReport")))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert relay("route", "-", "--hook", "bob", "--expect", "mods").code == 0


def test_an_event_that_its_hook_would_refuse_is_told(relay, folder):
    (folder / "event.json").write_bytes(sample.raw("mention"))
    answer = relay("route", "event.json")
    assert "the hook alice would refuse it: it takes events of https://mine.example" in answer.err


@pytest.mark.parametrize(
    ("event", "told"),
    [
        pytest.param("mentoin", "did you mean mention?", id="a misspelt kind"),
        pytest.param("nowhere.json", "nowhere.json: No such file", id="no file"),
        pytest.param(".", ".: Is a directory", id="a folder"),
        pytest.param("config.yaml", "JSON", id="no event"),
        pytest.param("a\0b", "embedded null byte", id="no name"),
    ],
)
def test_what_is_no_event_ends_with_2(relay, folder, event, told):
    answer = relay("route", event)
    assert answer.code == 2
    assert told in answer.err


def test_preview_shows_a_picture_and_the_payload(relay, folder):
    answer = relay("preview", "mention", "--sink", "room")
    assert answer.code == 0
    assert answer.out.startswith("╭─ room ─")
    payload = json.loads(answer.out[answer.out.index("\n{") :])
    assert payload["msgtype"] == "m.notice"


def test_preview_as_json_is_the_payloads_alone(relay, folder):
    assert relay("preview", "mention", "--json").json.keys() == {"team", "mods", "room"}


def test_preview_shows_nothing_of_what_a_sink_may_not_show(relay, folder):
    answer = relay("preview", "abuseReport", "--sink", "team")
    assert answer.out == (
        "team: withheld: it is for moderators, and the sink has no moderation: true\n"
    )
    assert relay("preview", "abuseReport", "--sink", "team", "--json").json == {}


@pytest.mark.parametrize("kind", sample.kinds())
def test_preview_needs_no_configuration(relay, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("relay.cli.preview.default_path", lambda: None)
    assert relay("preview", kind, "--json").json.keys() == {"discord", "slack", "matrix"}


def test_preview_tells_what_is_wrong_with_a_template(relay, folder):
    (folder / "mine").mkdir()
    (folder / "mine" / "mention.j2").write_text("{{ nobody }}", encoding="utf-8")
    with (folder / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("templates: mine\n")
    answer = relay("preview", "mention", "--sink", "team")
    assert "'nobody' is undefined" in answer.err


HEALTHY = """
outbox: sqlite:{folder}/relay.db
hooks: {{alice: {{secret: "${{ALICE}}"}}}}
sinks: {{team: {{type: console}}}}
routes:
  - {{match: {{event: mention}}, to: team}}
"""


@pytest.fixture
def healthy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation on which nothing is wrong."""
    monkeypatch.setenv("ALICE", "0123456789abcdef0123")
    (folder / "config.yaml").write_text(HEALTHY.format(folder=folder), encoding="utf-8")
    asyncio.run(SQLiteOutbox.open(folder / "relay.db").close())
    return folder


def test_doctor_finds_nothing_wrong_where_all_is_well(relay, healthy):
    answer = relay("doctor")
    assert (answer.code, answer.err) == (0, "")
    assert "0 errors, " in answer.out
    assert {one["level"] for one in relay("doctor", "--json").json} <= {"warning"}


def test_doctor_ends_with_1_where_something_is_wrong(relay, healthy):
    with (healthy / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("  - {unless: {}, to: team}\n")
    answer = relay("doctor")
    assert answer.code == 1
    assert "  error: route #2: no event matches it" in answer.out
    (found,) = (one for one in relay("doctor", "--json").json if one["level"] == "error")
    assert found["name"] == "route-never-matches"
    assert found["topic"] == "routes"
    assert found.keys() == {"topic", "name", "level", "where", "problem", "remedy"}


def test_doctor_tells_of_an_outbox_that_it_cannot_read(relay, healthy):
    (healthy / "relay.db").write_bytes(b"no database")
    names = [one["name"] for one in relay("doctor", "--json").json]
    assert "outbox-unusable" in names


def test_doctor_tells_what_lies_dead(relay, letters):
    found = [(one["name"], one["where"]) for one in relay("doctor", "--json").json]
    assert ("deliveries-dead", "sink team") in found
    assert ("deliveries-dead", "sink gone") in found


def test_doctor_makes_no_outbox(relay, folder):
    assert "outbox-missing" in relay("doctor", "--json").out
    assert not (folder / "relay.db").exists()


def test_doctor_needs_a_configuration_that_can_be_read(relay, folder):
    (folder / "config.yaml").write_text("hoks: {}", encoding="utf-8")
    answer = relay("doctor")
    assert (answer.code, answer.out) == (2, "")
    assert "did you mean hooks?" in answer.err


def test_send_test_tells_how_it_ended(relay, folder):
    answer = relay("send-test", "--sink", "team")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.endswith("team: Sent\n")
    answer = relay("send-test", "--sink", "tema")
    assert (answer.code, answer.err) == (2, "no sink is called tema: did you mean team?\n")


NOTE = json.dumps(
    {
        "type": "note",
        "eventId": "1",
        "userId": "1",
        "createdAt": 0,
        "server": "https://misskey.example",
        "body": {
            "note": {
                "id": "1",
                "text": "hello \x1b[31m\ud800",
                "visibility": "public",
                "localOnly": False,
                "user": {"username": "bob"},
            }
        },
    }
).encode()


@pytest.fixture
def letters(folder: Path) -> Path:
    """Two dead letters, of two sinks."""

    async def make() -> None:
        outbox = SQLiteOutbox.open(folder / "relay.db")
        await accept(outbox, an_event(1), NOTE, {"team": "#3", "gone": "#3"}, now=0)
        for sink in ("team", "gone"):
            (claimed,) = (
                await outbox.claim(ClaimRequest(sink, now=1_000, lease=60_000))
            ).deliveries
            reason = Rejected(f"400 {sink}\x1b[31m says\nno")
            settled = settle(claimed, reason, AttemptContext(now=2_000))
            await outbox.save([settled], claimed=[claimed])
        await outbox.close()

    asyncio.run(make())
    return folder


def test_dead_letters_are_listed(relay, letters):
    _, *lines = relay("dead", "list").out.splitlines()
    assert [line.split()[3:] for line in lines] == [
        ["gone", "mention", "dead", "400", "gone[31m", "says", "no"],
        ["team", "mention", "dead", "400", "team[31m", "says", "no"],
    ]
    assert len(relay("dead", "list", "--limit", "1").out.splitlines()) == 2
    assert relay("dead", "list", "--sink", "ops").out == "no dead letters of ops\n"
    (row,) = relay("dead", "list", "--sink", "team", "--json").json
    assert (row["sink"], row["kind"], row["attempts"]) == ("team", "mention", 1)


def test_a_dead_letter_is_shown_with_its_message(relay, letters):
    letter = relay("dead", "list", "--sink", "team", "--json").json[0]["id"]
    answer = relay("dead", "show", str(letter))
    assert answer.code == 0
    assert "╭─ team" in answer.out
    assert "\x1b" not in answer.out
    shown = relay("dead", "show", str(letter), "--json").json
    assert shown["event"]["body"]["note"]["text"] == "hello \x1b[31m\ud800"


def test_a_dead_letter_of_a_sink_that_is_gone_is_shown_without_it(relay, letters):
    letter = relay("dead", "list", "--sink", "gone", "--json").json[0]["id"]
    answer = relay("dead", "show", str(letter))
    assert (answer.code, "╭" in answer.out) == (0, False)


def test_dead_letters_are_revived_and_dropped(relay, letters):
    first = relay("dead", "list", "--sink", "team", "--json").json[0]["id"]
    answer = relay("dead", "revive", str(first))
    assert (answer.code, answer.out[:9]) == (0, "1 revived")
    assert relay("dead", "revive", str(first)).code == 1
    assert relay("dead", "show", str(first)).code == 1
    assert relay("dead", "drop", "--sink", "gone").out == "1 dropped\n"
    answer = relay("dead", "drop", "--all")
    assert (answer.code, answer.out) == (1, "0 dropped\n")
    assert relay("dead", "list").out == "no dead letters\n"


def test_asking_for_dead_letters_makes_no_outbox(relay, folder):
    answer = relay("dead", "list")
    assert answer.code == 2
    assert "there is no outbox" in answer.err
    assert not (folder / "relay.db").exists()


def test_mfm_shows_what_becomes_of_a_text(relay):
    answer = relay("mfm", "**hello**")
    assert (answer.code, "<b>hello</b>" in answer.out) == (0, True)
    assert relay("mfm").code == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "on"),
    [
        pytest.param(Terminal(), {"TERM": "xterm"}, True, id="a terminal"),
        pytest.param(Terminal(), {}, True, id="a terminal of no name"),
        pytest.param(io.StringIO(), {"TERM": "xterm"}, False, id="a file"),
        pytest.param(Terminal(), {"NO_COLOR": "1"}, False, id="who wants none"),
        pytest.param(Terminal(), {"NO_COLOR": ""}, True, id="an empty wish"),
        pytest.param(Terminal(), {"TERM": "dumb"}, False, id="a terminal that has none"),
    ],
)
def test_colour_is_for_terminals(stream, environ, on):
    assert colour_for(stream, environ).on is on


def test_check_warns_of_a_secret_that_others_can_read(relay, monkeypatch):
    # Not below tmp_path, which nobody else can enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.chdir(folder)
        file = Path("config.yaml")
        file.write_text("hooks: {alice: {secret: s3cret-enough-for-a-test}}", encoding="utf-8")
        for mode, warned in ((0o644, True), (0o600, False)):
            file.chmod(mode)
            answer = relay("check")
            told = "warning: config.yaml: it holds a secret, and every user of this machine can"
            assert (answer.code, told in answer.out) == (0, warned)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_every_command(relay, shell):
    answer = relay("completion", shell)
    assert answer.code == 0
    assert [one for one in COMMANDS if not re.search(rf"\b{one[-1]}\b", answer.out)] == []


def test_bash_takes_its_completion_and_completes_a_command(relay, tmp_path):
    (tmp_path / "relay.bash").write_text(relay("completion", "bash").out, encoding="utf-8")
    script = """
        . ./relay.bash
        COMP_WORDS=(relay se) COMP_CWORD=1
        _shtab_relay
        echo "${COMPREPLY[@]}"
    """
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["serve", "send-test"]


@pytest.mark.parametrize(("typed", "code"), [("open, sesame: ✨\n", 0), ("\n", 1), ("", 1)])
def test_a_password_is_printed_as_its_hash(relay, monkeypatch, typed, code):
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    answer = relay("password")
    assert answer.code == code
    assert "sesame" not in answer.out + answer.err
    assert code or password.matches("open, sesame: ✨", answer.out.strip())


@pytest.mark.parametrize("command", [one for one in cli.COMMANDS if one != "completion"])
def test_a_command_is_found_in_its_own_module_alone(command):
    assert {words[0] for words in parsers(cli.parser(command))} == {command}


def test_the_table_has_every_command_in_the_order_of_the_help():
    assert list(dict.fromkeys(words[0] for words in COMMANDS)) == list(cli.COMMANDS)


def test_preview_compiles_each_route_and_the_templates_once_however_many_sinks(
    relay, folder, monkeypatch
):
    sinks = "".join(f"  s{n}: {{type: console}}\n" for n in range(5))
    routes = "".join(f"  - {{to: s{n}, when: user.username != '{n}'}}\n" for n in range(5))
    text = f"hooks: {{alice: {{secret: x}}}}\nsinks:\n{sinks}routes:\n{routes}"
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    compiled = []

    def counted(function, name):
        def call(*args, **kwargs):
            compiled.append(name)
            return function(*args, **kwargs)

        return call

    for name in ("predicate", "Templates"):
        original = getattr(settings_of_config, name)
        monkeypatch.setattr(settings_of_config, name, counted(original, name))
    assert len(relay("preview", "follow", "--json").json) == 5
    assert sorted(compiled) == ["Templates", *["predicate"] * 5]
