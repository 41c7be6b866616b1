"""What a misspelt word was probably meant to be, as the end of a sentence."""

from collections.abc import Iterable

SHOWN = 30  # words of a list that people still read
CLOSE = 0.5
WORD = 80  # characters: comparing takes their square


def nearest(word: str, known: Iterable[str], *, cutoff: float = CLOSE) -> str | None:
    """The known word that is most like it, if one is."""
    import difflib  # of no use to a relay that serves

    by_form = {_form(one): one for one in known}
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
