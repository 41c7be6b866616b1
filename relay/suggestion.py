"""What a misspelt word was probably meant to be, as the end of a sentence."""

import difflib
from collections.abc import Iterable

SHOWN = 30  # words of a list that people still read
CLOSE = 0.5
WORD = 80  # characters: comparing takes their square

_ELSEWHERE = {
    # Mastodon's words for who may see a note, https://docs.joinmastodon.org/entities/Status/
    "unlisted": "home",
    "direct": "specified",
    "dm": "specified",
    "mentioned": "specified",
    "private": "followers",
    "followers_only": "followers",
    "follower": "followers",
    "everyone": "public",
    # and for what happens to it
    "boost": "renote",
    "reblog": "renote",
    "repost": "renote",
    "toot": "note",
    "status": "note",
    "post": "note",
    "favourite": "reaction",
    "favorite": "reaction",
    "like": "reaction",
    # languages by their countries
    "jp": "ja",
    "kr": "ko",
    "zh": "zh-Hans",
    "cn": "zh-Hans",
    "zh_cn": "zh-Hans",
    "zh_sg": "zh-Hans",
    "tw": "zh-Hant",
    "zh_tw": "zh-Hant",
    "zh_hk": "zh-Hant",
    "en_us": "en",
    "en_gb": "en",
    # keys by their other names
    "webhook": "url",
    "webhook_url": "url",
    "webhookurl": "url",
    "uri": "url",
    "address": "url",
    "access_token": "token",
    "bot_token": "token",
    "api_key": "token",
    "room_id": "room",
    "channel_id": "channel",
    "instance": "server",
    # clients and servers by their vendors
    "element": "matrix",
    "synapse": "matrix",
}
"""What others call it: no letters are alike."""


def nearest(word: str, known: Iterable[str], *, cutoff: float = CLOSE) -> str | None:
    """The known word that is most like it, if one is."""
    by_form = {_form(one): one for one in known}
    if (meant := _ELSEWHERE.get(_form(word.strip()))) and _form(meant) in by_form:
        return by_form[_form(meant)]
    found = difflib.get_close_matches(_form(word), sorted(by_form), n=1, cutoff=cutoff)
    return by_form[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    found = nearest(word, known)
    return "" if found is None else f": did you mean {found}?"


def closest(word: str, known: Iterable[str]) -> str:
    """The nearest word, or all of them if none is near."""
    names = sorted(known)
    if not names:
        return ": there is none"
    listed = f"; there is {', '.join(names)}" if len(names) <= SHOWN else ""
    return did_you_mean(word, names) or listed


def _form(word: str) -> str:
    return word[:WORD].lower().replace("-", "_")
