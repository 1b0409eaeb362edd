"""Desktop entries: files that tell menus and docks how to start a program. Written whole, never read back.

Two ways of quoting lie on top of one another: that of a command line, in the value of `Exec`, and that of any text in
the file, in which a backslash is doubled.

Source: Desktop Entry Specification 1.5, "Possible value types" and "The Exec key".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

Value = bool | str | Sequence[str]

_RESERVED: Final = " \t\n\"'\\><~|&;$*?#()`"
"""What must stand in quotes in a command line."""
_WORD: Final = re.compile(r'"(?P<quoted>(?:[^"`$\\]|\\["`$\\])*)"(?=[ ]|$)|(?P<plain>[^ "]+)(?=[ ]|$)')
_CODE: Final = re.compile("%.?")
_FILES: Final = frozenset({"%f", "%F", "%u", "%U"})
_CODES: Final = _FILES | {"%i", "%c", "%k", "%%"}
_OLD_CODES: Final = frozenset({"%d", "%D", "%n", "%N", "%v", "%m"})


def text(keys: Mapping[str, Value]) -> str:
    """The file with these keys, in their order."""
    lines = (f"{name}={_written(value)}\n" for name, value in keys.items())
    return "[Desktop Entry]\n" + "".join(lines)


def command(line: str, environment: Mapping[str, str]) -> str:
    """The value of `Exec` that starts a command line with variables set."""
    words = [argument(f"{name}={value}") for name, value in environment.items()]
    return " ".join(["env", *words, line]) if words else line


def argument(word: str) -> str:
    """One word of a command line that means just itself."""
    literal = word.replace("%", "%%")
    if literal and not any(character in _RESERVED for character in literal):
        return literal
    return '"' + re.sub(r'(["`$\\])', r"\\\1", literal) + '"'


def why_refused(line: str) -> tuple[str, str] | None:
    """What is wrong with a command line, and the fix; None when menus can start it."""
    words: list[re.Match[str]] = []
    at = 0
    while (at := len(line) - len(line[at:].lstrip(" "))) < len(line):
        word = _WORD.match(line, at)
        if word is None:
            return _wrong_quotes(line[at:])
        words.append(word)
        at = word.end()
    wrong = (found for word in words if (found := _wrong_word(word)) is not None)
    return next(wrong, None) or _wrong_line([word[0] for word in words])


def _wrong_quotes(rest: str) -> tuple[str, str]:
    if rest.startswith('"'):
        return ('a quoted word does not end, or holds one of " ` $ \\ by itself', "put a backslash before it")
    return ("a quote stands inside a word", "put the whole word in quotes")


def _wrong_word(word: re.Match[str]) -> tuple[str, str] | None:
    plain, quoted = word["plain"], word["quoted"]
    if plain is None:
        code = re.search("%.?", quoted.replace("%%", ""))
        return (f"{code[0]} stands inside quotes", "give it a word of its own, or write %% for a %") if code else None
    reserved = next((character for character in plain if character in _RESERVED), None)
    if reserved == "~":
        return ("no shell reads it, so ~ is no home", "write {{ user.home }}")
    if reserved is not None:
        return (f"no shell reads it, so {reserved} must stand in quotes", f"write {argument(plain)}")
    return next((found for code in _CODE.findall(plain) if (found := _wrong_code(code, plain)) is not None), None)


def _wrong_code(code: str, word: str) -> tuple[str, str] | None:
    if code in _OLD_CODES:
        return (f"{code} is no longer used", "take it out")
    if code not in _CODES:
        return (f"{code} stands for nothing", "write %% for a %")
    return (f"{code} stands inside a word", "give it a word of its own") if code in _FILES and word != code else None


def _wrong_line(words: Sequence[str]) -> tuple[str, str] | None:
    if not words:
        return ("it names no program", "write the program's name or path")
    if "=" in words[0]:
        return ("a program's name holds no =", "put variables under  environment:")
    if sum(word in _FILES for word in words) > 1:
        return ("it takes files more than once", "keep one of %f, %F, %u and %U")
    return None


def _written(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _escaped(value)
        case _:
            return "".join(_escaped(entry).replace(";", "\\;") + ";" for entry in value)


def _escaped(value: str) -> str:
    """Blanks at the start and the end would be dropped."""
    doubled = value.replace("\\", "\\\\").replace("\t", "\\t")
    return re.sub(r"^ | $", r"\\s", doubled)
