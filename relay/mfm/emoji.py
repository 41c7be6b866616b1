"""
The pattern for one Unicode emoji: the Emoji 17 set of twemoji.

Built by asking the reference (`@misskey-dev/emoji-data` 17, the pattern behind mfm-js 0.26) about
every code point alone, before U+FE0E, U+FE0F, a skin tone, a gender sign and an arrow, and about
every pair of flag letters; code points with equal answers share a set below. The sequences follow
emoji-zwj-sequences.txt. For a new Unicode version ask again: only sets and sequences grow.
"""

import re

Z = "\u200d"  # the joiner
V = "\ufe0f"  # "as a picture"; U+FE0E is "as text"
TONE = "[\U0001f3fb-\U0001f3ff]"
GENDER = f"{Z}[♀♂]{V}"
ARROW = f"(?:{Z}➡{V})?"


def _members(ranges: str) -> str:
    """Write hex ranges as the inside of a character class: no member means anything to `re`."""
    codes = (part.partition("-") for part in ranges.split())
    return "".join(
        f"{chr(int(first, 16))}-{chr(int(last, 16))}" if dash else chr(int(first, 16))
        for first, dash, last in codes
    )


PLAIN = _members(
    "23e9-23ec 23f0 23f3 267e 26ce 2705 2728 274c 274e 2753-2755 2795-2797 27b0 27bf e50a 1f0cf"
    " 1f18e 1f191-1f19a 1f1e6-1f1ff 1f201 1f232-1f236 1f238-1f23a 1f250-1f251 1f300-1f320"
    " 1f32d-1f335 1f337-1f37c 1f37e-1f384 1f386-1f393 1f3a0-1f3c1 1f3c5-1f3c6 1f3c8-1f3c9"
    " 1f3cf-1f3d3 1f3e0-1f3f0 1f3f4 1f3f8-1f43e 1f440 1f444-1f445 1f451-1f465 1f46a 1f479-1f47b"
    " 1f47d-1f480 1f484 1f488-1f48e 1f490 1f492-1f4a9 1f4ab-1f4fc 1f4ff-1f53d 1f54b-1f54e"
    " 1f550-1f567 1f5a4 1f5fb-1f644 1f648-1f64a 1f680-1f6a2 1f6a4-1f6b3 1f6b7-1f6bf 1f6c1-1f6c5"
    " 1f6d0-1f6d2 1f6d5-1f6d8 1f6dc-1f6df 1f6eb-1f6ec 1f6f4-1f6fc 1f7e0-1f7eb 1f7f0 1f90d-1f90e"
    " 1f910-1f917 1f920-1f925 1f927-1f92f 1f93a 1f93f-1f945 1f947-1f976 1f978-1f9b4 1f9b7 1f9ba"
    " 1f9bc-1f9cc 1f9d0 1f9de-1f9ff 1fa70-1fa7c 1fa80-1fa8a 1fa8e-1fac2 1fac6 1fac8 1facd-1fadc"
    " 1fadf-1faea 1faef"
)
TEXT_OR_PICTURE = _members(
    "203c 2049 2139 2194-2199 21a9-21aa 231a-231b 2328 23cf 23ed-23ef 23f1-23f2 23f8-23fa 24c2"
    " 25aa-25ab 25b6 25c0 25fb-25fe 2600-2604 260e 2611 2614-2615 2618 2620 2622-2623 2626 262a"
    " 262e-262f 2638-263a 2640 2642 2648-2653 2660 2663 2665-2666 2668 267b 267f 2692-2697 2699"
    " 269b-269c 26a0-26a1 26a7 26aa-26ab 26b0-26b1 26bd-26be 26c4-26c5 26c8 26cf 26d1 26d3-26d4"
    " 26e9-26ea 26f0-26f5 26f8 26fa 26fd 2702 2708-2709 270f 2712 2714 2716 271d 2721 2733-2734"
    " 2744 2747 2757 2763-2764 27a1 2934-2935 2b05-2b07 2b1b-2b1c 2b50 2b55 3030 303d 3297 3299"
    " 1f004 1f170-1f171 1f17e-1f17f 1f202 1f21a 1f22f 1f237 1f321 1f324-1f32c 1f336 1f37d"
    " 1f396-1f397 1f399-1f39b 1f39e-1f39f 1f3cd-1f3ce 1f3d4-1f3df 1f3f3 1f3f5 1f3f7 1f43f 1f441"
    " 1f4fd 1f549-1f54a 1f56f-1f570 1f573 1f576-1f579 1f587 1f58a-1f58d 1f5a5 1f5a8 1f5b1-1f5b2"
    " 1f5bc 1f5c2-1f5c4 1f5d1-1f5d3 1f5dc-1f5de 1f5e1 1f5e3 1f5e8 1f5ef 1f5f3 1f5fa 1f6cb"
    " 1f6cd-1f6cf 1f6e0-1f6e5 1f6e9 1f6f0 1f6f3"
)
ONLY_PICTURE = "©®™♟"
TONED = _members(
    "270a-270b 1f385 1f3c2-1f3c4 1f3c7 1f3ca 1f442-1f443 1f446-1f450 1f466-1f469 1f46b-1f478 1f47c"
    " 1f481-1f483 1f485-1f487 1f48f 1f491 1f4aa 1f57a 1f595-1f596 1f645-1f647 1f64b-1f64f 1f6a3"
    " 1f6b4-1f6b6 1f6c0 1f6cc 1f90c 1f90f 1f918-1f91f 1f926 1f930-1f939 1f93c-1f93e 1f977"
    " 1f9b5-1f9b6 1f9b8-1f9b9 1f9bb 1f9cd-1f9cf 1f9d1-1f9dd 1fac3-1fac5 1faf1-1faf8"
)
TONED_PICTURE = _members("261d 26f7 26f9 270c-270d 1f3cb-1f3cc 1f574-1f575 1f590 1faf0")
GENDERED = _members(
    "1f3c3-1f3c4 1f3ca 1f46e 1f470-1f471 1f473 1f477 1f481-1f482 1f486-1f487 1f645-1f647 1f64b"
    " 1f64d-1f64e 1f6a3 1f6b4-1f6b6 1f926 1f935 1f937-1f939 1f93d-1f93e 1f9b8-1f9b9 1f9cd-1f9cf"
    " 1f9d4 1f9d6-1f9dd"
)
GENDERED_PICTURE = _members("26f9 1f3cb-1f3cc 1f574-1f575")
WALKING = "🏃🚶🧎"
TRADE = (
    f"(?:[⚕⚖✈]{V}|["
    + _members(
        "1f33e 1f373 1f37c 1f384 1f393 1f3a4 1f3a8 1f3eb 1f3ed 1f4bb-1f4bc 1f527 1f52c 1f680 1f692"
        " 1f9af-1f9b3 1f9bc-1f9bd 1fa70"
    )
    + "])"
)

# The first letter, then each that makes a flag with it.
FLAGS = """
ACDEFGILMOQRSTUWXZ BABDEFGHIJLMNOQRSTVWYZ CACDFGHIKLMNOPQRUVWXYZ DEGJKMOZ EACEGHRSTU FIJKMOR
GABDEFGHILMNPQRSTUWY HKMNRTU ICDELMNOQRST JEMOP KEGHIMNPRWYZ LABCIKRSTUVY
MACDEFGHKLMNOPQRSTUVWXYZ NACEFGILOPRUZ OM PAEFGHKLMNRSTWY QA REOSUW SABCDEGHIJKLMNORSTVXYZ
TACDFGHJKLMNORTVWZ UAGMNSYZ VACEGINU WFS XK YET ZAMW
""".split()


def _flags(line: str) -> str:
    """One first letter's flags: a regional indicator and a choice of them."""
    first, *rest = (chr(ord(letter) - ord("A") + 0x1F1E6) for letter in line)
    return f"{first}[{''.join(rest)}]"


def _region(letters: str) -> str:
    """The flag of a part of Great Britain: a black flag and invisible letters."""
    return "🏴" + "".join(chr(0xE0000 + ord(letter)) for letter in letters) + "\U000e007f"


def _different(name: str, first: str, between: str, other: str) -> str:
    """A sequence of two people with different skin tones."""
    return f"{first}(?P<{name}>{TONE}){Z}{between}{Z}{other}(?!(?P={name})){TONE}"


LOVE = f"❤{V}{Z}(?:💋{Z})?"
COUPLES = [
    f"(?:👨{TONE}{Z}{LOVE}👨|👩{TONE}{Z}{LOVE}[👨👩]){TONE}",
    _different("lovers", "🧑", f"❤{V}(?:{Z}💋)?", "🧑"),
    _different("party", "(?P<guest>[👨👩🧑])", "[🐰🫯]", "(?P=guest)"),
    _different("men", "👨", "🤝", "👨"),
    _different("women", "👩", "🤝", "[👨👩]"),
    f"🧑{TONE}{Z}🤝{Z}🧑{TONE}",
    f"🫱(?P<hand>{TONE}){Z}🫲(?!(?P=hand)){TONE}",
    f"👨{Z}{LOVE}👨|👩{Z}{LOVE}[👨👩]|🧑{Z}🤝{Z}🧑",
    f"[👯🤼]{TONE}?{GENDER}",
]
FAMILIES = [
    f"(?:👨(?:{Z}[👨👩])?|👩(?:{Z}👩)?){Z}(?:👦(?:{Z}👦)?|👧(?:{Z}[👦👧])?)",
    f"🧑(?:{Z}🧑)?{Z}🧒(?:{Z}🧒)?",
]
# "+" stands for the joiner, "." for U+FE0F.
JOINED = (
    (
        "🏳.+⚧. 🏳.+🌈 😶+🌫. ⛓.+💥 ❤.+🔥 ❤.+🩹 🍄+🟫 🍋+🟩 🏴+☠. 🐕+🦺 🐦+🔥 🐻+❄. 👁+🗨 😮+💨 😵+💫"
        " 🙂+↔. 🙂+↕. 🧞+♀. 🧞+♂. 🧟+♀. 🧟+♂. 🐈+⬛ 🐦+⬛"
    )
    .replace("+", Z)
    .replace(".", V)
)

# The most used, and nothing longer begins with one of these: a short cut.
FACES = "[😀-😭😯-😴😷-🙁🙃🙄]"

# Longer sequences first: the first that fits is taken.
KEYCAP = f"{V}?\u20e3"  # after a key: #, * or a digit
PICTURE = (
    "(?![\x00-\x7f])(?:"
    + "|".join(
        [
            FACES,
            *COUPLES,
            f"[👨👩🧑]{TONE}?{Z}{TRADE}{ARROW}",
            f"[{GENDERED_PICTURE}](?:{TONE}|{V}){GENDER}{ARROW}",
            f"[{GENDERED}]{TONE}?{GENDER}{ARROW}",
            *FAMILIES,
            *JOINED.split(),
            f"[{ONLY_PICTURE}]{V}",
            f"[{TEXT_OR_PICTURE}](?:{V}|(?!\ufe0e))",
            f"[{TONED_PICTURE}](?:{V}|(?!\ufe0e)){TONE}?",
            f"[{WALKING}]{TONE}?{ARROW}{TONE}?",  # the tone after the arrow is the reference's
            f"[{TONED}]{TONE}?",
            *map(_flags, FLAGS),
            *map(_region, ("gbeng", "gbsct", "gbwls")),
            f"[{PLAIN}]",
        ]
    )
    + ")"
)
# `re` looks a character of the BMP up in a bitmap, but tries the ranges beyond one by one.
STARTS = (
    re.sub(
        "[\U00010000-\U0010ffff]-?",
        "",
        ONLY_PICTURE + TEXT_OR_PICTURE + TONED_PICTURE + TONED + PLAIN,
    )
    + "\U0001f004-\U0001faf8"
)
"""Characters that a picture can begin with, and some more, as the inside of a class."""
