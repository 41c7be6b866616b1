"""YAML becomes the text that people wrote, with a place for everything."""

from functools import partial
from pathlib import Path

import pytest
import yaml

from relay.config.compose import DEPTH, Compose, compose, compose_quickly, place_of_node
from relay.config.yaml import CUT, read

NOWHERE = Path("/nowhere")
EXAMPLE = (Path(__file__).parents[2] / "config.example.yaml").read_text(encoding="utf-8")


def data(text, **environ):
    source = read(text, base=NOWHERE, environ=environ)
    assert source.mistakes == []
    return source.data


def mistakes(text, **environ):
    source = read(text, base=NOWHERE, environ=environ)
    return [(it.line, it.column, it.path, it.text) for it in source.mistakes]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        pytest.param("no", "no", id="the Norway of YAML"),
        pytest.param("on", "on", id="on"),
        pytest.param("yes", "yes", id="yes"),
        pytest.param("12:30", "12:30", id="a number of base 60"),
        pytest.param("0123", "0123", id="an octal number"),
        pytest.param("1_000", "1_000", id="a number with a line"),
        pytest.param("2026-01-01", "2026-01-01", id="a date"),
        pytest.param("1.50", "1.50", id="a fraction"),
        pytest.param(".inf", ".inf", id="infinity"),
        pytest.param("5s", "5s", id="a duration"),
        pytest.param("'null'", "null", id="null in quotes"),
        pytest.param('"true"', "true", id="true in quotes"),
        pytest.param('""', "", id="nothing in quotes"),
        pytest.param("true", True, id="true"),
        pytest.param("False", False, id="false with a capital"),
        pytest.param("a # comment", "a", id="a comment behind it"),
        pytest.param("|\n  two\n  lines", "two\nlines", id="a block"),
    ],
)
def test_a_value_is_the_text_that_was_written(written, read_as):
    assert data(f"key: {written}") == {"key": read_as}


@pytest.mark.parametrize("key", ["no", "on", "12:30", "0123", "true", "null"])
def test_a_key_is_the_text_that_was_written(key):
    if ":" in key:
        assert mistakes(f"{key}: x")[0][3].startswith("a key must be a single word")
    else:
        assert data(f"{key}: x") == {key: "x"}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="nothing"),
        pytest.param("~", id="a tilde"),
        pytest.param("Null", id="null"),
        pytest.param("#misskey", id="a comment that was meant as a tag"),
        pytest.param("&x", id="an anchor of nothing"),
    ],
)
def test_a_key_without_a_value_is_a_mistake(value):
    ((line, column, path, text),) = mistakes(f"a: 1\nkey: {value}")
    assert (line, column, path) == (2, 1, "key")
    assert text.startswith("has no value")


def test_an_alias_is_a_copy():
    found = data("a: &gate [public, home]\nb: *gate")
    assert found == {"a": ["public", "home"], "b": ["public", "home"]}
    assert found["a"] is not found["b"]


def test_a_mapping_takes_over_what_it_merges_and_its_own_keys_win():
    text = "a: &a {x: 1, y: 1}\nb: {y: 2, <<: *a}"
    assert data(text)["b"] == {"x": "1", "y": "2"}


def test_the_first_of_several_merged_mappings_wins():
    text = "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}"
    assert data(text)["c"] == {"x": "1", "y": "2"}


def test_a_merged_mapping_may_merge_itself():
    text = "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}"
    assert data(text)["c"] == {"x": "1", "y": "2"}


def test_an_own_url_wins_over_a_merged_url_file():
    text = "a: &a {url: x}\nb: {<<: *a, url: y}"
    assert data(text)["b"] == {"url": "y"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("a: {<<: text}", (1, 9, "a"), id="a text"),
        pytest.param("a: {<<: [x, y]}", (1, 9, "a"), id="a list of texts"),
        pytest.param("a: &a\n  <<: *a", (1, 4, "a"), id="itself"),
    ],
)
def test_what_cannot_be_merged_is_a_mistake(text, place):
    assert mistakes(text)[0][:3] == place


def test_a_key_given_twice_is_told_with_the_first_place():
    assert mistakes("a: 1\nb: 2\na: 3") == [(3, 1, "a", "a given twice: first in line 1")]


def test_variables_are_put_in_but_not_into_keys():
    assert data("key: a-${X}-b", X="1") == {"key": "a-1-b"}
    assert mistakes("${X}: 1", X="s3cret")[0][2] == "…"


def test_variables_are_put_into_quoted_texts_too():
    assert data("a: '${X}'\nb: \"${X}\"\nc: |\n  ${X}", X="no") == {"a": "no", "b": "no", "c": "no"}


def test_a_variable_that_holds_yaml_stays_a_text():
    assert data("key: ${X}", X="[a, b]\nc: d") == {"key": "[a, b]\nc: d"}


def test_a_secret_comes_from_its_file_without_the_newline_at_the_end(tmp_path):
    (tmp_path / "one").write_text("s3cret\n", encoding="utf-8")
    (tmp_path / "two").write_bytes(b"\xef\xbb\xbfother\r\n")
    text = "secret_file: [one, two]\nurl_file: ${DIR}/one"
    source = read(text, base=tmp_path, environ={"DIR": str(tmp_path)})
    assert source.data == {"secret": ["s3cret", "other"], "url": "s3cret"}
    assert source.mistakes == []


def test_a_name_that_ends_like_a_file_is_a_name():
    assert data("hooks: {secret_file: {server: x}}") == {"hooks": {"secret_file": {"server": "x"}}}


@pytest.mark.parametrize(
    "opening",
    [
        pytest.param("[", id="lists"),
        pytest.param("{a: ", id="mappings"),
        pytest.param("- ", id="-"),
    ],
)
def test_100_kb_of_nesting_is_refused(opening):
    ((line, _, _, text),) = mistakes(opening * (100_000 // len(opening)))
    assert (line, text) == (1, "is nested too deeply")


def test_what_people_write_is_not_nested_too_deeply():
    assert data("[" * (DEPTH - 1) + "]" * (DEPTH - 1))


def test_aliases_of_aliases_cannot_grow_without_end():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    ((_, _, _, text),) = mistakes("\n".join(lines))
    assert text == "has too many values: aliases of aliases?"


def test_merges_of_merges_cannot_grow_without_end():
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)]
    ((_, _, _, text),) = mistakes("\n".join(lines))
    assert text == "has too many values: aliases of aliases?"


def test_an_alias_that_holds_itself_is_told():
    assert mistakes("a: &a [x, *a]") == [(1, 4, "a[1]", "an alias that contains itself")]


@pytest.mark.parametrize("text", ["", "# a comment\n", "---\n", "~"])
def test_an_empty_file_has_no_data_and_no_mistake(text):
    assert data(text) is None


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("{secret: abc #def\n}", True),
        ("secret: abc #def", True),
        ("token: abc # def", True),
        ("url: https://a.example/x #y", True),
        ("password: abc  #def", True),
        ("secret: [abc, def] # two", False),
        ("secret:\n  - abc #def\n  - ghi", True),
        ("secret: abc   # the old one", False),
        ("secret: 'abc #def'", False),
        ('secret: "abc" #def', False),
        ("secret: abc#def", False),
        ("secret: ${NAME} # from the environment", False),
        ("name: abc #def", False),
    ],
)
def test_a_secret_that_ends_before_a_comment_is_a_doubt(text: str, is_told: bool) -> None:
    source = read(text, base=NOWHERE, environ={"NAME": "x"})
    assert [it.text for it in source.warnings] == ([CUT] if is_told else [])
    assert not any("def" in it.text for it in source.warnings)


def test_an_address_with_a_question_mark_needs_quotes_inside_brackets() -> None:
    (mistake,) = read("m: {url: https://a.example/x?y=1}", base=NOWHERE, environ={}).mistakes
    assert (mistake.line, mistake.column) == (1, 29)
    assert "a text with a ? in it needs quotes" in mistake.text


@pytest.mark.parametrize(
    ("text", "place", "sign"),
    [
        ("m: {room: !abc:m.e, token: t}", (1, 11), "!"),
        ("m: {token: t, room: !abc:m.e}", (1, 21), "!"),
        ("m: {room: !abc:m.e}", (1, 11), "!"),
        ("m: {room: #ops:m.e, token: t}", (1, 11), "#"),
        ("m:\n  to: [a, !abc:m.e, b]", (2, 11), "!"),
    ],
)
def test_a_room_without_quotes_inside_brackets_is_told_where_it_stands(
    text: str, place: tuple[int, int], sign: str
) -> None:
    (mistake,) = read(text, base=NOWHERE, environ={}).mistakes
    assert (mistake.line, mistake.column) == place
    assert f"begins with {sign} needs quotes" in mistake.text


def nodes(node: yaml.Node | None) -> object:
    """All of a node that is read: tags, places and texts."""
    if isinstance(node, yaml.ScalarNode):
        return node.tag, place_of_node(node), node.value, node.style or None
    if isinstance(node, yaml.SequenceNode):
        return node.tag, place_of_node(node), [nodes(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        pairs = [(nodes(key), nodes(value)) for key, value in node.value]
        return node.tag, place_of_node(node), pairs
    return None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(EXAMPLE, id="the example"),
        pytest.param("a: [1, 'x', \"y\\n\", {b: &c d, e: *c}]\nf: |\n  g\n  h\n", id="styles"),
        pytest.param("é: 日本語  # 🎉\nb: !!str 1\n? c\n: <<\n", id="letters, tags and keys"),
    ],
)
def test_libyaml_composes_the_same_nodes(text: str) -> None:
    assert nodes(compose_quickly(text)) == nodes(compose(text))


def test_only_a_file_with_mistakes_is_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    parsers: list[str] = []

    def record(name: str, text: str) -> yaml.Node | None:
        parsers.append(name)
        return compose(text)

    monkeypatch.setattr("relay.config.yaml.compose_quickly", partial(record, "libyaml"))
    monkeypatch.setattr("relay.config.yaml.compose", partial(record, "PyYAML"))
    assert data("a: b") == {"a": "b"}
    assert parsers == ["libyaml"]
    assert read("a: b\na: c", base=NOWHERE, environ={}).mistakes
    assert parsers == ["libyaml", "libyaml", "PyYAML"]


@pytest.mark.parametrize("depth", [DEPTH + 1, 100_000])
def test_a_file_that_is_too_deep_is_a_mistake(depth: int) -> None:
    (mistake,) = read("[" * depth + "]" * depth, base=NOWHERE, environ={}).mistakes
    assert mistake.text == "is nested too deeply"


@pytest.mark.parametrize("text", ["[a?b]", "a:\tb", "a: \ud800", "\ufeffa: b", "a: b\x85"])
def test_what_the_parsers_read_differently_is_read_by_one(text: str) -> None:
    assert outcome(compose_quickly, text) == outcome(compose, text)


def outcome(parser: Compose, text: str) -> object:
    try:
        return nodes(parser(text))
    except yaml.YAMLError as error:
        return str(error)
