"""A configuration is right, or all its mistakes are told at once, and no secret with them."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from relay.config import MAX_FILE, Config, load, parse
from relay.errors import ConfigError
from relay.misskey import samples as sample
from relay.model import Event, Visibility

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
BAD = sorted((ROOT / "tests" / "samples" / "configs").glob("*.yaml"))
SECRET = "s3cret"
ENVIRON = {
    "ALICE_SECRET": f"alice's {SECRET}",
    "ALICE_TOKEN": f"a token of alice's {SECRET}",
    "SERVER_SECRET": f"the server's {SECRET}",
    "DISCORD_URL": f"https://discord.example/webhooks/1/{SECRET}",
    "FORUM_URL": f"https://discord.example/webhooks/2/{SECRET}",
    "SLACK_URL": f"https://slack.example/{SECRET}",
    "SLACK_TOKEN": f"xoxb-{SECRET}",
    "MATRIX_TOKEN": f"syt_{SECRET}",
    "MATRIX_KEYS": f"relaykeys1.{SECRET}",
    "RELAY_PASSWORD": f"the page's {SECRET}",
    "EMPTY": "",
}
NOWHERE = Path("/nowhere")


def parsed(text: str, *, base: Path = NOWHERE, **environ: str) -> Config:
    return parse(text, file="config.yaml", base=base, environ=ENVIRON | environ)


def mistakes(text: str, *, base: Path = NOWHERE, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parsed(text, base=base, **environ)
    return str(error.value).splitlines()


def uncommented(text: str) -> str:
    return re.sub(r"(?m)^( *)#(?=[a-z_]+:)", r"\1", text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the example finds the templates that it names."""
    (tmp_path / "templates").mkdir()
    variant = tmp_path / "templates" / "mention.compact.j2"
    variant.write_text('{% extends "mention.j2" %}', encoding="utf-8")
    return tmp_path


def test_the_example_is_right_and_has_no_warning():
    config = parsed(EXAMPLE)
    assert config.warnings == ()
    assert list(config.sinks) == ["mentions", "team", "moderators"]
    assert [route.name for route in config.routes] == ["mentions", "team notes", "reports"]


def test_all_that_the_example_has_commented_out_is_right_too(folder: Path):
    config = parsed(uncommented(EXAMPLE), base=folder)
    names = {"mentions", "forum", "team", "bot", "moderators", "here", "phone"}
    assert set(config.sinks) == names
    assert config.web is not None
    assert config.templates == folder / "templates"
    assert sorted(re.sub(r":\d+:\d+:", ":", one) for one in config.warnings) == [
        "config.yaml: sinks.bot: no route leads here",
        "config.yaml: sinks.forum: no route leads here",
        "config.yaml: sinks.here: no route leads here",
        "config.yaml: sinks.phone: no route leads here",
    ]


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every settings model inside a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for inner in get_args(annotation):
        yield from models(inner)


@pytest.mark.parametrize("model", sorted(set(models(Config)), key=repr))
def test_the_example_mentions_every_key(model: type[BaseModel]):
    keys = set(re.findall(r"(?m)(?:^ *#?|^ *- |[{,] ?)([a-z_]+):", EXAMPLE))
    assert model.model_fields.keys() <= keys


def test_the_defaults_that_the_example_shows_are_the_real_ones(folder: Path):
    shown, real = parsed(uncommented(EXAMPLE), base=folder), parsed(EXAMPLE)
    for name in {
        "listen",
        "outbox",
        "locale",
        "timezone",
        "retention",
        "max_body",
        "hold",
        "retry",
    }:
        assert getattr(shown, name) == getattr(real, name) == Config.model_fields[name].default
    for name in {
        "avatar", "visibility", "local_only", "moderation", "signin_only", "cw", "sensitive_media",
        "on_ambiguous",
    }:  # fmt: skip
        assert getattr(shown.sinks["mentions"], name) == getattr(real.sinks["mentions"], name)


def expectations(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("#= ") for line in lines if line.startswith("#= ")]


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_bad_file_tells_all_its_mistakes_with_their_places_and_no_secret(file: Path):
    with pytest.raises(ConfigError) as error:
        load(file, environ={"EMPTY": ""})
    told = str(error.value).splitlines()
    assert told == [f"{file}:{line}" for line in expectations(file)]
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_the_place_of_a_mistake_is_where_its_key_stands(file: Path):
    lines = file.read_text(encoding="utf-8").splitlines()
    for expected in expectations(file):
        line, column, path = re.match(r"(\d+):(\d+): ([\w.\[\]-]*)(?=: )?", expected).groups()
        here = lines[int(line) - 1][int(column) - 1 :]
        key = re.search(r"([\w-]*)((?:\[\d+\])*)$", path)
        is_key = key[1] and not key[2] and "an alias" not in expected and "<<" not in expected
        if is_key and not expected.split(": ")[1].startswith(("not YAML", "is ", "should")):
            assert here.startswith((key[1], f"{key[1]}_file")), expected


def test_every_secret_of_a_right_file_stays_hidden(folder: Path):
    config = parsed(uncommented(EXAMPLE), base=folder)
    assert SECRET not in f"{config!r} {config} {config.model_dump()} {config.warnings}"
    assert config.hooks["alice"].secret[0].reveal() == ENVIRON["ALICE_SECRET"]


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))
        else:
            yield (*path, key)


WHOLE = yaml.safe_load(uncommented(EXAMPLE))


def changed(path: tuple[Any, ...], value: Any) -> str:
    """The whole example as JSON, which is YAML too, with another value in one place."""
    data = holder = copy.deepcopy(WHOLE)
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return json.dumps(data, ensure_ascii=False, indent=1)


def told(text: str, **environ: str) -> str:
    """All that is said of a file."""
    try:
        return "\n".join(parsed(text, **environ).warnings)
    except ConfigError as error:
        return str(error)


@pytest.mark.parametrize("path", [it for it in places(WHOLE) if it], ids=repr)
def test_a_secret_that_a_variable_puts_in_the_wrong_place_is_not_told(path):
    assert SECRET not in told(changed(path, "${LEAK}"), LEAK=f"{SECRET} ({SECRET}@[x")


def test_a_name_from_a_variable_is_quoted_as_the_variable():
    text = "sinks: {team: {type: console}}\nroutes: [{to: '${TEAM}', template: '${TEAM}'}]"
    assert mistakes(text, TEAM=SECRET) == [
        "config.yaml:2:11: routes[0].to: no sink is called ${TEAM}; there is team",
        "config.yaml:2:26: routes[0].template: no template has a file <event>.${TEAM}.j2: "
        "there is none",
    ]


def mutated(text: str, edits: list[tuple[float, int, str]]) -> str:
    for place, cut, put in edits:
        at = int(place * len(text))
        text = text[:at] + put + text[at + cut :]
    return text


TOKENS = [
    "", " ", "\n", "\t", ":", ": ", "- ", "#", "{", "}", "[", "]", ",", "'", '"', "&a ", "*a", "!",
    "!!binary ", "|", ">", "%", "@", "`", "?", "? ", "<<: *a", "---\n", "${", "${X}", "$", "~",
    "null", "true", "-1", "9" * 30, "\\", "\x00", "\ud800", "\u2028", "é", "(", "{{", "{%", "0x1F",
    "_file",
]  # fmt: skip
EDIT = st.tuples(
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 40),
    st.sampled_from(TOKENS) | st.text(max_size=8),
)


HOOKS = (EXAMPLE.index("alice: ") + 0.5) / len(EXAMPLE)


@settings(max_examples=150, deadline=None)
@given(st.lists(EDIT, min_size=1, max_size=4))
@example([(0.0, 10_000, "")])
@example([(0.0, 0, "\ufeff")])
@example([(HOOKS, 0, "bob: {secret: https://misskey.example, server: not an address}\n  ")])
def test_whatever_is_typed_into_the_example_is_right_or_a_mistake(edits):
    said = told(mutated(EXAMPLE, edits))
    assert SECRET not in said
    assert all(re.match(r"config\.yaml:\d+:\d+: ", line) for line in said.splitlines())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("${X}"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([path for path in places(WHOLE) if path]), JSON)
def test_whatever_stands_in_a_place_is_right_or_a_mistake(path, value):
    said = told(changed(path, value))
    assert all(re.match(r"config\.yaml:\d+:\d+: ", line) for line in said.splitlines())


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"config\.yaml: cannot be read: No such file"):
        load(tmp_path / "config.yaml")


def test_a_folder_is_no_configuration(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_a_file_that_is_not_utf_8_is_told_with_the_place(tmp_path: Path):
    file = tmp_path / "config.yaml"
    file.write_bytes(b"hooks:\n  caf\xe9: s3cret\n")
    with pytest.raises(ConfigError) as error:
        load(file)
    assert str(error.value) == f"{file}:2:6: is not UTF-8 text"


def test_a_database_is_no_configuration(tmp_path: Path):
    file = tmp_path / "relay.db"
    file.write_bytes(b"\x00" * (MAX_FILE + 1))
    with pytest.raises(ConfigError, match="larger than 4 MiB"):
        load(file)


def test_a_byte_order_mark_and_windows_newlines_change_nothing(tmp_path: Path):
    file = tmp_path / "config.yaml"
    file.write_bytes(b"\xef\xbb\xbflocale: ja\r\nlistne: x\r\n")
    with pytest.raises(
        ConfigError, match=r":2:1: listne: unknown key listne: did you mean listen\?"
    ):
        load(file)


def test_names_of_files_start_at_the_folder_of_the_configuration(tmp_path: Path):
    (tmp_path / "alice").write_text("s3cret\n", encoding="utf-8")
    (tmp_path / "mine").mkdir()
    file = tmp_path / "config.yaml"
    file.write_text("hooks: {alice: {secret_file: alice}}\ntemplates: mine\n", encoding="utf-8")
    config = load(file)
    assert config.hooks["alice"].secret[0].reveal() == "s3cret"
    assert config.templates == tmp_path / "mine"


WARNED = """
hooks: {alice: {secret: x}}
sinks: {team: {type: console}}
routes:
"""


@pytest.mark.parametrize(
    ("route", "warning"),
    [
        pytest.param(
            "{match: {event: menton}, to: team}",
            "5:14: routes[0].match.event: Misskey has no event menton: did you mean mention?",
            id="a misspelt kind",
        ),
        pytest.param(
            "{match: {event: [note, quote]}, to: team}",
            "5:28: routes[0].match.event[1]: Misskey has no event quote: "
            "a quote is a renote that `has: quote`",
            id="a quote",
        ),
        pytest.param(
            "{unless: {event: abusereport}, to: team}",
            "5:15: routes[0].unless.event: Misskey has no event abusereport: "
            "did you mean abuseReport?",
            id="small letters",
        ),
        pytest.param(
            "{match: {visibility: [followers, specified]}, to: team}",
            "5:51: routes[0].to: the sink team never shows these notes: see its visibility",
            id="notes that the sink may not show",
        ),
    ],
)
def test_what_is_hardly_meant_is_a_warning_with_its_place(route, warning):
    assert parsed(f"{WARNED}  - {route}").warnings == (f"config.yaml:{warning}",)


@pytest.mark.parametrize("kind", ["somethingNew", "mention", "edited", "newsletter"])
def test_a_kind_that_forks_may_have_is_no_warning(kind):
    route = f"{{match: {{event: {kind}, visibility: public}}, to: team}}"
    assert parsed(f"{WARNED}  - {route}").warnings == ()


def test_no_hooks_are_a_warning():
    assert parsed("listen: 127.0.0.1:1").warnings == (
        "config.yaml:1:1: there are no hooks: no event can arrive",
    )


@pytest.mark.parametrize("word", ["true", "yes", "on", '"true"', "${YES}"])
def test_moderation_may_be_said_in_every_way_of_yaml(word):
    text = f"""
hooks: {{alice: {{secret: x}}}}
sinks:
  team:
    type: console
    moderation: {word}
routes: [{{match: {{event: abuseReport}}, to: team}}]
"""
    assert parsed(text, YES="true").sinks["team"].moderation is True


def test_a_page_needs_no_password_where_only_this_machine_reaches_it():
    for address in ("127.0.0.1:1", "[::1]:1", "unix:/run/relay.sock"):
        config = parsed(f'web: {{listen: "{address}"}}')
        assert config.web is not None
        assert config.web.password is None
    assert parsed("web: {listen: '0.0.0.0:1', password: x}").web is not None


def test_doors_that_are_no_addresses_are_told_and_not_compared():
    assert mistakes("listen: {}\nweb: {listen: {}}") == [
        "config.yaml:1:1: listen: should be a single text",
        "config.yaml:2:7: web.listen: should be a single text",
    ]


def test_patterns_are_texts():
    text = "sinks: {a: {type: console}}\nroutes: [{to: a, match: {author: true, text: [{}]}}]"
    assert mistakes(text) == [
        "config.yaml:2:26: routes[0].match.author: should be a name like bob, or a pattern like "
        "*@misskey.example",
        "config.yaml:2:47: routes[0].match.text[0]: should be a regular expression",
    ]


def test_postgresql_is_a_right_outbox():
    assert parsed("outbox: postgresql://relay@db/relay").outbox == "postgresql://relay@db/relay"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://relay:s3cret@db/relay",
        "postgresql://db/relay?user=a&password=s3cret",
        "postgresql://[s3cret",
    ],
)
def test_an_outbox_never_shows_its_password(url):
    (told,) = mistakes(f"outbox: {url}")
    assert SECRET not in told


def test_conditions_are_compiled():
    text = """
sinks: {team: {type: console}}
routes:
  - match:
      hook: alice
      author: ["@Bob", "*@misskey.example"]
      text: ["(?i)release"]
      tag: ["#Misskey"]
      has: files
      bot: no
      server: https://Misskey.Example/
      visibility: home
    unless: {event: renote}
    to: team
hooks: {alice: {secret: x}}
"""
    (route,) = parsed(text).compiled_routes()
    match = route.match
    assert (match.hook, match.tag, match.has) == ({"alice"}, {"misskey"}, {"files"})
    assert (match.bot, match.server, match.visibility) == (
        False,
        {"misskey.example"},
        {Visibility.HOME},
    )
    assert [bool(glob.search("bob")) for glob in match.author] == [True, False]
    assert [bool(glob.search("eve@misskey.example")) for glob in match.author] == [False, True]
    assert match.text[0].search("The RELEASE is out")
    assert route.unless is not None
    assert route.unless.event == {"renote"}
    assert route.name == "#1"


def test_a_bad_template_is_a_mistake_for_who_brings_samples(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "follow.j2").write_text("\n{% oops %}", encoding="utf-8")
    text = "templates: mine\nlocael: ja\n"

    def samples() -> list[Event]:
        return [sample.event(kind) for kind in sample.kinds()]

    with pytest.raises(ConfigError) as error:
        parse(text, file="config.yaml", base=tmp_path, environ={}, samples=samples)
    first, second = str(error.value).splitlines()
    assert first.startswith("config.yaml:2:1: locael")
    assert second.startswith(f"{tmp_path}/mine/follow.j2:2: ")


def test_what_is_right_but_hardly_meant_is_told_at_its_place():
    text = """\
timezone: EST
hooks: {h: {secret: a long secret of mine}}
sinks:
  room:
    type: matrix
    homeserver: https://m.example/base
    room: "!a:b"
    token: t
    timezone: MST
routes: [{to: room}]
"""
    assert [*parsed(text).warnings] == [
        "config.yaml:1:1: timezone: has no summer time; America/New_York has",
        "config.yaml:6:5: sinks.room.homeserver: has a path, and hardly any homeserver has one: "
        "is it the server's own address?",
        "config.yaml:9:5: sinks.room.timezone: has no summer time; America/Denver has",
    ]


@pytest.mark.parametrize("key", ["typ", "tpye", "Type", "types"])
def test_a_misspelt_type_of_a_sink_is_reported_with_the_other_mistakes_of_the_sink(key):
    text = f"sinks: {{x: {{{key}: console, tmezone: UTC}}}}\nroutes: [{{to: x}}]"
    assert [mistake.partition(": sinks.")[2] for mistake in mistakes(text)] == [
        f"x.{key}: unknown key {key}: did you mean type?",
        "x.tmezone: unknown key tmezone: did you mean timezone?",
    ]
