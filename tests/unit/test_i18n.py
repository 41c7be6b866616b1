"""Every word that relay writes itself is there in every language."""

import re
from typing import get_args

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from pydantic import TypeAdapter, ValidationError

from relay.base_settings import ABBREVIATIONS, Zone
from relay.config import Locale
from relay.i18n import Language, tag
from relay.resources import resource

ROOT = resource("locale").parent
LOCALES = [locale for locale in get_args(Locale) if locale != "en"]


CATALOGUES = [*((domain, locale) for domain in ("relay", "pages") for locale in LOCALES)]
"""The words of messages, and those of the operator's pages."""
FOUND_BY = {"relay": "babel.cfg", "pages": "pages.cfg"}


def extracted(domain: str = "relay") -> set[str | tuple[str, ...]]:
    """What the templates say now, as gettext's tools find it."""
    with (resource("locale") / FOUND_BY[domain]).open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, method_map=methods, options_map=options)
    return {
        tuple(part for part in message if part) if isinstance(message, tuple) else message
        for _, _, message, _, _ in found
    }


def catalogue(domain: str, locale: str) -> Catalog:
    path = resource("locale") / tag(locale) / "LC_MESSAGES" / f"{domain}.po"
    with path.open("rb") as file:
        return read_po(file, locale=tag(locale), abort_invalid=True)


def test_the_templates_have_words() -> None:
    assert {"Mention", ("%(num)s vote", "%(num)s votes")} <= extracted()
    assert {"Dead letters", "line %(line)s"} <= extracted("pages")


@pytest.mark.parametrize(("domain", "locale"), CATALOGUES)
def test_a_catalogue_lacks_no_message_and_has_no_other(domain: str, locale: str) -> None:
    assert {message.id for message in catalogue(domain, locale) if message.id} == extracted(domain)


@pytest.mark.parametrize(("domain", "locale"), CATALOGUES)
def test_every_message_is_translated(domain: str, locale: str) -> None:
    for message in catalogue(domain, locale):
        translated = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(translated), message.id
        assert not message.fuzzy or not message.id, message.id


@pytest.mark.parametrize(("domain", "locale"), CATALOGUES)
def test_a_translation_keeps_the_placeholders(domain: str, locale: str) -> None:
    for message in catalogue(domain, locale):
        if message.id and message.python_format:
            translated = message.string if isinstance(message.string, tuple) else (message.string,)
            original = message.id[0] if isinstance(message.id, tuple) else message.id
            names = re.findall(r"%\(\w+\)s", original)
            assert all(re.findall(r"%\(\w+\)s", one) == names for one in translated), message.id


@pytest.mark.parametrize(("domain", "locale"), CATALOGUES)
def test_a_catalogue_has_all_plural_forms_of_its_language(domain: str, locale: str) -> None:
    found = catalogue(domain, locale)
    plurals = [message for message in found if isinstance(message.id, tuple)]
    assert plurals
    assert all(len(message.string) == found.num_plurals for message in plurals)


def test_every_locale_of_the_configuration_has_a_catalogue() -> None:
    folders = {path.parent.parent.name for path in resource("locale").glob("*/LC_MESSAGES/*.po")}
    assert folders == {tag(locale) for locale in LOCALES}


def test_words_come_in_the_language() -> None:
    assert Language("ja").gettext("Mention") == "メンション"
    assert Language("en").gettext("Mention") == "Mention"
    assert Language("ko").ngettext("%(num)s vote", "%(num)s votes", 2) == "%(num)s표"


@pytest.mark.parametrize(
    ("language", "written"),
    [
        pytest.param(Language(), "Nov 22, 2026 12:46\u202fAM UTC", id="English, UTC"),
        pytest.param(Language("ja", "Asia/Tokyo"), "2026/11/22 9:46 JST", id="Japanese, Tokyo"),
        pytest.param(Language("zh-Hans", "Asia/Shanghai"), "2026年11月22日 08:46 CST", id="zh"),
    ],
)
def test_a_moment_is_written_in_the_language_and_the_zone_of_the_reader(
    language: Language, written: str
) -> None:
    assert language.moment(1_795_308_362_292) == written


def test_a_moment_beyond_all_calendars_is_written_as_a_number() -> None:
    assert Language().moment(10**18) == str(10**18)


ZONE: TypeAdapter[str] = TypeAdapter(Zone)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("JST", "did you mean Asia/Tokyo?"),
        ("jst", "did you mean Asia/Tokyo?"),
        ("KST", "did you mean Asia/Seoul?"),
        ("CST", "did you mean America/Chicago or Asia/Shanghai?"),
        ("PST", "did you mean America/Los_Angeles?"),
        ("BST", "did you mean Europe/London?"),
        ("IST", "did you mean Asia/Kolkata, Europe/Dublin or Asia/Jerusalem?"),
        ("Tokyo", "did you mean Asia/Tokyo?"),
        ("new york", "did you mean America/New_York?"),
        ("Asia/Tokio", "did you mean Asia/Tokyo?"),
        ("UTC+9", "an offset has no summer time"),
        ("JST-9", "an offset has no summer time"),
        ("+09:00", "an offset has no summer time"),
    ],
)
def test_a_time_zone_by_another_name_gets_a_suggestion(written: str, meant: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ZONE.validate_python(written)
    assert meant in str(caught.value)


def test_every_suggested_zone_exists() -> None:
    for told in ABBREVIATIONS.values():
        for name in re.split(", | or ", told):
            assert ZONE.validate_python(name) == name


@pytest.mark.parametrize("name", ["UTC", "Asia/Tokyo", "CET", "EST", "Japan"])
def test_an_existing_zone_passes(name: str) -> None:
    assert ZONE.validate_python(name) == name


def test_the_empty_text_is_empty_in_every_language() -> None:
    assert {Language(locale).gettext("") for locale in ("en", "ja", "ko")} == {""}
