"""How OpenSSH cuts a line of its configuration into words. Two ways live side by side there, and both matter.

Source: OpenSSH misc.c, `strdelim` and `argv_split`; readconf.c, `process_config_line_depth`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

BLANKS: Final = " \t\r\n"
_DELIMITER: Final = re.compile(r'[ \t\r\n"=]')
_SPECIAL: Final = re.compile(r"[\\'\"#]")
_UPPER: Final = {ord("A") + number: ord("a") + number for number in range(26)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`rest` is what stands behind the keyword, as written; `words` is the same cut up, None where a quote is open."""

    keyword: str
    column: int
    rest: str
    words: tuple[str, ...] | None


def lowered(text: str) -> str:
    """ASCII only, as OpenSSH does it: `É` stays."""
    return text.translate(_UPPER) if not text.isascii() else text.lower()


def parse_line(text: str) -> Line | None:
    """None where the line says nothing: it is empty, a comment, or its keyword's quote is open."""
    text = text[:1] + text[1:].rstrip(BLANKS + "\f")
    word, rest = next_word(text)
    if word == "" and rest is not None:
        word, rest = next_word(rest)
    if not word or word.startswith("#"):
        return None
    rest = (rest or "").lstrip(BLANKS)
    column = 1 + len(text) - len(text.lstrip(BLANKS + "="))
    return Line(keyword=word, column=column, rest=rest, words=split_words(rest))


def next_word(text: str) -> tuple[str | None, str | None]:
    """The first word and what follows it, None for nothing: cut at blanks and at one `=`; double quotes protect both.

    Without a closing quote both are None.
    """
    found = _DELIMITER.search(text)
    if not found:
        return text, None
    at = found.start()
    if text[at] == '"':
        end = text.find('"', at + 1)
        if end < 0:
            return None, None
        return text[:at] + text[at + 1 : end], text[end + 1 :].lstrip(BLANKS)
    rest = text[at + 1 :].lstrip(BLANKS)
    if text[at] != "=" and rest.startswith("="):
        rest = rest[1:].lstrip(BLANKS)
    return text[:at], rest


def delimited_words(text: str) -> tuple[str, ...] | None:
    """All words in the way of `next_word`; None where a quote is open. A word that starts with `#` ends the line."""
    words: list[str] = []
    rest: str | None = text
    while rest is not None:
        word, rest = next_word(rest)
        if word is None:
            return None
        if not word or word.startswith("#"):
            break
        words.append(word)
    return tuple(words)


def split_words(text: str) -> tuple[str, ...] | None:
    r"""Cut at blanks; both quotes protect, `\\ \' \"` are escapes and, outside quotes, `\ ` too; `#` starts a comment
    where a word could start. None where a quote is open."""
    if not _SPECIAL.search(text):
        return tuple(word for word in text.replace("\t", " ").split(" ") if word)
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
        elif text[at] == "#":
            break
        else:
            found = _quoted_word(text, at)
            if found is None:
                return None
            word, at = found
            words.append(word)
    return tuple(words)


def _quoted_word(text: str, at: int) -> tuple[str, int] | None:
    quote, word = "", []
    while at < len(text):
        character = text[at]
        if character == "\\" and text[at + 1 : at + 2] in tuple("'\"\\" if quote else "'\"\\ "):
            at += 1
            word.append(text[at])
        elif not quote and character in " \t":
            break
        elif not quote and character in "'\"":
            quote = character
        elif character == quote:
            quote = ""
        else:
            word.append(character)
        at += 1
    return None if quote else ("".join(word), at)
