"""Random JSONC documents in the manner of real ones, and worse: comments and blanks wherever they may stand."""

from __future__ import annotations

import json
from random import Random

from reconciler.formats.jsonc import ABSENT, Absent, Json

NAMES = (
    "go",
    "go.goroot",
    "go.toolsEnvVars",
    "go.toolsEnvVars.A",
    "go.env.x",
    "gopls",
    "gopls.ui",
    "[go]",
    "editor.tab",
)
"""What a random document sets, and a random change changes."""

_KEYS = (
    "goroot",
    "toolsEnvVars",
    "A",
    "B",
    "ui",
    "env",
    "x",
    "build.env",
    "",
    "é",
    'quo"te',
    "back\\slash",
    "a/*b*/c//d",
)
_TEXTS = (
    "",
    "x",
    "/usr/local/go",
    "C:\\go",
    'say "hi"',
    "// none",
    "/* none */",
    "{[,:]}",
    "tab\there",
    "日本\U0001f600",
    "\u2028",
)
_NUMBERS = ("0", "-0", "7", "-12", "1.5", "1e3", "1E-2", "100.0")


def random_value(chance: Random, depth: int = 0) -> Json:
    kind = chance.random()
    if kind < 0.25 and depth < 3:
        return {chance.choice(_KEYS): random_value(chance, depth + 1) for _ in range(chance.randint(0, 3))}
    if kind < 0.4 and depth < 3:
        return [random_value(chance, depth + 1) for _ in range(chance.randint(0, 3))]
    return chance.choice([None, True, False, 1, 0, -3, 1.5, *_TEXTS])


def random_changes(chance: Random) -> dict[str, Json | Absent]:
    """Names none of which is a part of another."""
    names = chance.sample(NAMES, k=chance.randint(1, 4))
    apart = [name for name in names if not any(name.startswith(f"{other}.") for other in names)]
    return {name: ABSENT if chance.random() < 0.4 else random_value(chance) for name in apart}


def random_document(chance: Random, names: tuple[str, ...] = NAMES) -> str:
    return _Writer(chance, names).document()


class _Writer:
    def __init__(self, chance: Random, names: tuple[str, ...]) -> None:
        self._chance = chance
        self._names = names
        self._line_end = chance.choice(["\n", "\n", "\r\n"])
        self._unit = chance.choice(["    ", "  ", "\t"])
        self._comma_last = chance.random() < 0.3
        self._tidy = chance.random() < 0.7
        self._comments = 0

    def document(self) -> str:
        chance, line_end = self._chance, self._line_end
        mark = "\ufeff" if chance.random() < 0.15 else ""
        above = self._line_comment() + line_end if chance.random() < 0.2 else ""
        below = chance.choice(["", line_end, line_end, line_end + line_end, f" {self._line_comment()}"])
        if chance.random() < 0.05:
            return mark + above
        names = [chance.choice(self._names) for _ in range(chance.choice([0, 1, 1, 2, 3, 4, 6]))]
        return mark + above + self._container("{}", names, "") + below

    def _value(self, depth: int, indent: str) -> str:
        chance = self._chance
        kind = chance.random()
        if kind < 0.25 and depth < 3:
            keys = [chance.choice(_KEYS) for _ in range(chance.randint(0, 3))]
            return self._container("{}", keys, indent, depth + 1)
        if kind < 0.35 and depth < 3:
            return self._container("[]", [""] * chance.randint(0, 3), indent, depth + 1)
        if kind < 0.7:
            return self._text(chance.choice(_TEXTS))
        return chance.choice(["true", "false", "null", *_NUMBERS])

    def _text(self, text: str) -> str:
        written = json.dumps(text, ensure_ascii=self._chance.random() < 0.3)
        if text and text[0].isalpha() and self._chance.random() < 0.1:
            return f'"\\u{ord(text[0]):04X}{written[2:]}' if ord(text[0]) < 128 else written
        return written

    def _container(self, brackets: str, keys: list[str], indent: str, depth: int = 0) -> str:
        opener, closer = brackets
        inner = indent + self._unit
        items = [(f"{self._text(key)}: " if opener == "{" else "") + self._value(depth, inner) for key in keys]
        if not items:
            return opener + self._empty(indent) + closer
        if not self._tidy:
            return opener + self._ragged(items) + closer
        if self._chance.random() < 0.3:
            blank = self._chance.choice(["", " "])
            return opener + blank + ", ".join(map(self._with_note, items)) + self._last_comma() + blank + closer
        if opener == "[" and self._chance.random() < 0.5:
            return opener + ", ".join(items) + self._last_comma() + closer
        return opener + self._lines(items, inner) + self._line_end + indent + closer

    def _lines(self, items: list[str], indent: str) -> str:
        lines = ""
        for number, item in enumerate(items, start=1):
            if self._chance.random() < 0.15:
                lines += self._line_end + indent + self._line_comment()
            comma = "," if number < len(items) else self._last_comma()
            before, behind = self._note_around(), self._note_around()
            lines += self._line_end + indent + (f"{before} " if before else "") + item + comma
            lines += f" {behind}" if behind else ""
            if self._chance.random() < 0.15:
                lines += f" {self._line_comment()}"
            if self._chance.random() < 0.1:
                lines += self._line_end
        if self._chance.random() < 0.1:
            lines += self._line_end + indent + self._line_comment()
        return lines

    def _ragged(self, items: list[str]) -> str:
        text = self._gap()
        for number, item in enumerate(items, start=1):
            comma = "," if number < len(items) else self._last_comma()
            text += item + self._gap() + comma + self._gap()
        return text

    def _gap(self) -> str:
        return "".join(
            self._chance.choice(["", "", " ", "\t", self._line_end, self._line_end + "  ", self._block_comment(), ""])
            if self._chance.random() < 0.9
            else f"{self._line_comment()}{self._line_end}"
            for _ in range(self._chance.choice([0, 1, 1, 2, 3]))
        )

    def _empty(self, indent: str) -> str:
        note = f"{self._line_end}{indent}{self._unit}{self._line_comment()}{self._line_end}{indent}"
        return self._chance.choice(["", "", "", self._line_end + indent, " ", f" {self._block_comment()} ", note])

    def _last_comma(self) -> str:
        return "," if self._comma_last else ""

    def _with_note(self, item: str) -> str:
        return f"{item} {self._block_comment()}" if self._chance.random() < 0.1 else item

    def _note_around(self) -> str:
        return self._block_comment() if self._chance.random() < 0.07 else ""

    def _line_comment(self) -> str:
        self._comments += 1
        return f"// note {self._comments}"

    def _block_comment(self) -> str:
        self._comments += 1
        middle = self._chance.choice([" ", " ", f"{self._line_end} * ", ' "x": 1, // '])
        return f"/* note{middle}{self._comments} */"
