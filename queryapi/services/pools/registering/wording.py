"""Text of callers: what of it is kept, and how it is shown to them."""

import json
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

# Control, format (bidi, joiners, tags), surrogates, private use, ends of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Letters and symbols that look like nothing at all: fillers of Hangul, the empty Braille cell.
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_BREAKS = frozenset("\t\n\r")
_SHOWN = 40
_CLOSE = 0.7
# So many code points become one at most: a Greek letter and its three marks.
_COMPOSED = 4
# As in text that is safe for streams (Unicode Standard Annex 15): no language needs as many.
_MARKS = 30


def normal(text: str, most: int) -> str:
    """Return *text* as it is kept: without space around it, composed (NFC).

    What cannot be kept is left as it is, being longer than *most* in any case, or `is_piled`:
    marks are put in order in a time that grows with the square of their number, and meanwhile
    nobody else is served.
    """
    bare = text.strip()
    if len(bare) > _COMPOSED * most or is_piled(bare):
        return bare
    return unicodedata.normalize("NFC", bare).strip()


def is_piled(text: str) -> bool:
    """Tell whether more marks stand on one letter than in any language."""
    run = 0
    for one in "" if text.isascii() else text:
        run = run + 1 if unicodedata.combining(one) else 0
        if run > _MARKS:
            return True
    return False


def is_blank(text: str) -> bool:
    """Tell whether nobody would see anything of *text*."""
    return all(
        one.isspace() or one in _BLANKS or unicodedata.category(one).startswith("M") for one in text
    )


def unseen(text: str, *, breaks: bool = False) -> str | None:
    """Return the first character of *text* that nobody sees, by code point and name.

    Args:
        text: What somebody wrote.
        breaks: Whether lines may end and tabs stand in it.
    """
    for one in text:
        if unicodedata.category(one) in _UNSEEN and not (breaks and one in _BREAKS):
            name = unicodedata.name(one, "")
            return f"U+{ord(one):04X}" + (f" ({name})" if name else "")
    return None


def shown(text: str) -> str:
    """Return *text* in quotes, in ASCII and not too long: nothing in it can pretend anything."""
    cut = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
    return json.dumps(cut)


def meant(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that whoever wrote *word* may have meant."""
    by_form = {_form(one): one for one in known}
    found = get_close_matches(_form(word[: 2 * _SHOWN]), by_form, n=1, cutoff=_CLOSE)
    return by_form[found[0]] if found else None


def _form(word: str) -> str:
    return word.replace("_", "").replace("-", "").lower()
