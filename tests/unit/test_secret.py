"""A secret shows itself to nobody but who asks for it."""

import copy
import json
import logging
import pickle
from dataclasses import dataclass

import pytest
from pydantic import TypeAdapter, ValidationError

from relay.base_settings import Settings
from relay.secret import Secret, redact

WORD = "hunter2-café"


class Sink(Settings):
    name: str
    token: Secret
    others: tuple[Secret, ...] = ()


@dataclass(frozen=True)
class Holder:
    token: Secret


def test_reveal_gives_the_text_unchanged():
    assert Secret(f" {WORD}\n").reveal() == f" {WORD}\n"


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(repr, id="repr"),
        pytest.param(str, id="str"),
        pytest.param(ascii, id="ascii"),
        pytest.param(format, id="format without a spec"),
        pytest.param(lambda it: f"{it:>30}", id="an f-string with a width"),
        pytest.param(lambda it: f"{it!r:.3}", id="an f-string of its repr"),
        pytest.param(lambda it: "%s %r" % (it, it), id="the percent operator"),  # noqa: UP031
        pytest.param(lambda it: "{} {!r}".format(it, it), id="str.format"),  # noqa: UP032
        pytest.param(lambda it: str([it, {it: it}]), id="inside a list and a mapping"),
        pytest.param(lambda it: repr(Holder(it)), id="inside a dataclass"),
        pytest.param(lambda it: repr(KeyError(it)), id="inside an exception"),
        pytest.param(lambda it: json.dumps(it, default=str), id="JSON that falls back on str"),
        pytest.param(
            lambda it: logging.makeLogRecord({"msg": "%s", "args": (it,)}).getMessage(),
            id="a log record",
        ),
        pytest.param(lambda it: repr(made(it)), id="repr of the settings that hold it"),
        pytest.param(lambda it: made(it).model_dump_json(), id="the settings as JSON"),
        pytest.param(lambda it: str(made(it).model_dump()), id="the settings as a dict"),
        pytest.param(
            lambda it: str(made(it).model_dump(mode="json")), id="the settings as a JSON dict"
        ),
    ],
)
def test_it_is_never_shown(shown):
    assert "hunter2" not in shown(Secret(WORD))
    assert "hunter2" not in shown(Secret("hunter2"))


def made(secret):
    return Sink(name="team", token=secret.reveal(), others=[secret.reveal()])


@pytest.mark.parametrize(
    "serialised",
    [
        pytest.param(json.dumps, id="json"),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        *(
            pytest.param(lambda it, n=n: pickle.dumps(it, n), id=f"pickle protocol {n}")
            for n in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_it_is_not_serialised(serialised):
    with pytest.raises(TypeError) as error:
        serialised(Secret(WORD))
    assert "hunter2" not in str(error.value)


def test_it_has_no_dict_that_a_dump_could_read():
    with pytest.raises(TypeError):
        vars(Secret(WORD))


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"name": "x", "token": [WORD]}, id="a list where the secret belongs"),
        pytest.param({"name": "x", "token": {"is": WORD}}, id="a mapping where it belongs"),
        pytest.param({"name": [WORD], "token": WORD}, id="another field is wrong"),
        pytest.param({"token": WORD}, id="another field is missing"),
        pytest.param({"name": "x", "token": WORD, "tokne": WORD}, id="an unknown key"),
        pytest.param({"name": "x", "token": WORD, "others": [WORD, 1]}, id="one of many is wrong"),
        pytest.param({"name": "x", "token": WORD.encode() + b"\xff"}, id="bytes"),
    ],
)
def test_a_mistake_in_the_settings_never_shows_it(settings):
    with pytest.raises(ValidationError) as error:
        Sink.model_validate(settings)
    told = error.value.errors(include_input=False, include_url=False)
    assert "hunter2" not in f"{error.value} {error.value!r} {told}"


def test_an_empty_secret_is_none():
    with pytest.raises(ValidationError):
        TypeAdapter(Secret).validate_python("")


def test_secrets_are_equal_by_their_text():
    assert Secret(WORD) == Secret(WORD)
    assert Secret(WORD) != Secret("other")
    assert Secret(WORD) != WORD
    assert len({Secret(WORD), Secret(WORD), Secret("other")}) == 2


def test_comparing_works_for_text_that_utf8_cannot_hold():
    assert Secret("caf\udce9") == Secret("caf\udce9")
    assert Secret("caf\udce9") != Secret("caf\ud800")


ADDRESS = (
    "https://hooks.example/services/T00000001/B00000002/kX9secretsecretsecretQ?key=abcdefghijk"
)


@pytest.mark.parametrize(
    "piece",
    [
        ADDRESS,
        ADDRESS.removeprefix("https://hooks.example"),
        "/services/T00000001/B00000002/kX9secretsecretsecretQ",
        r"\/services\/T00000001\/B00000002\/kX9secretsecretsecretQ",
        "key=abcdefghijk",
        "abcdefghijk",
    ],
)
def test_no_piece_of_an_address_is_left_in_a_text(piece: str) -> None:
    told = redact(Secret(ADDRESS), f"Cannot POST {piece}, sorry")
    assert told.startswith("Cannot POST ")
    assert told.endswith("<secret>, sorry")
    for part in ("kX9secret", "abcdefghijk", "T00000001/B"):
        assert part not in told


def test_a_token_is_not_left_in_a_text() -> None:
    assert redact(Secret("xoxb-123456789-abc"), "Bearer xoxb-123456789-abc?") == "Bearer <secret>?"


@pytest.mark.parametrize("secret", ["", "short", "//[", "%", "a b", "\ud800" * 20])
def test_a_strange_secret_breaks_nothing(secret: str) -> None:
    assert redact(Secret(secret), "some words") == "some words"
