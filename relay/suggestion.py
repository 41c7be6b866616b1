"""Suggests the word that a misspelt one was probably meant to be."""

import difflib
from collections.abc import Iterable

SHOWN = 30  # words: people do not read longer lists
CLOSE = 0.5
WORD = 80  # characters: comparing takes their square

_ELSEWHERE = {
    # Mastodon's visibilities, https://docs.joinmastodon.org/entities/Status/
    "unlisted": "home",
    "direct": "specified",
    "dm": "specified",
    "mentioned": "specified",
    "private": "followers",
    "followers_only": "followers",
    "follower": "followers",
    "everyone": "public",
    # Mastodon's events
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
"""Words of other software, which no comparison of letters finds."""


def nearest(word: str, known: Iterable[str], *, cutoff: float = CLOSE) -> str | None:
    """The most similar known word, if any is similar enough."""
    by_form = {_form(known_word): known_word for known_word in known}
    if (meant := _ELSEWHERE.get(_form(word.strip()))) and _form(meant) in by_form:
        return by_form[_form(meant)]
    close = difflib.get_close_matches(_form(word), sorted(by_form), n=1, cutoff=cutoff)
    return by_form[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    near = nearest(word, known)
    return "" if near is None else f": did you mean {near}?"


def closest(word: str, known: Iterable[str]) -> str:
    """The nearest word, or the list of all."""
    names = sorted(known)
    if not names:
        return ": there is none"
    listed = f"; there is {', '.join(names)}" if len(names) <= SHOWN else ""
    return did_you_mean(word, names) or listed


def _form(word: str) -> str:
    return word[:WORD].lower().replace("-", "_")
