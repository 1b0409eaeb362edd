"""Reads a document as VS Code's own reader does, and remembers where everything stands.

Source: npm jsonc-parser 3.3.1, src/impl/scanner.ts and parser.ts, `parse` with trailing commas allowed. What it would
report as an error and recover from is an error here.
"""

from __future__ import annotations

import json
import re
from typing import Final

from reconciler.formats.jsonc.parts import BYTE_ORDER_MARK, DEEPEST, MOST_DIGITS, Document, Json, JsoncError, Node

# Possessive quantifiers: each of these runs once over its text, whatever the text.
_GAP = r"(?:[ \t\r\n]++|//[^\r\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+"
_OPEN_STRING = r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+'
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(\.[0-9]++)?+([eE][+-]?[0-9]++)?+(?![0-9A-Za-z.+-])"
_WORD = r"(?:true|false|null)(?![0-9A-Za-z_$])"

_BETWEEN = re.compile(_GAP)
_NAME = re.compile(rf'({_OPEN_STRING}"){_GAP}:{_GAP}')
_SCALAR = re.compile(rf'({_OPEN_STRING}")|({_NUMBER})|{_WORD}')
_BEHIND = re.compile(rf"{_GAP}(?:(,){_GAP})?")

_UNCLOSED_STRING = re.compile(_OPEN_STRING)

_WORDS: Final[dict[str, Json]] = {"true": True, "false": False, "null": None}


def scan(text: str) -> Document:
    """The document in `text`, decoded from UTF-8 with `surrogateescape`. JsoncError says where it is malformed."""
    scanner = _Scanner(text)
    start = scanner.behind_gap(len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0)
    if start == len(text):
        return Document(text, None)
    end, value, items = scanner.value(start, 0)
    behind = scanner.behind_gap(end)
    if behind < len(text):
        raise scanner.error(behind, "the document has ended, but {found} follows")
    return Document(text, Node(None, start, start, end, value, items, None))


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._length = len(text)

    def behind_gap(self, at: int) -> int:
        """Where the next thing that is neither blank nor comment stands."""
        match = _BETWEEN.match(self._text, at)
        return match.end() if match else at

    def value(self, at: int, depth: int) -> tuple[int, Json, tuple[Node, ...]]:
        """Where the value ends, the value, and its items."""
        text = self._text
        if text.startswith(("{", "["), at):
            return self._container(at, depth)
        match = _SCALAR.match(text, at)
        if match is None:
            raise self._no_value(at)
        written = match[0]
        if match.lastindex is None:
            return match.end(), _WORDS[written], ()
        if match.lastindex == 1:
            return match.end(), _string(written), ()
        is_integer = match[3] is None and match[4] is None and len(written.lstrip("-")) <= MOST_DIGITS
        return match.end(), int(written) if is_integer else float(written), ()

    def error(self, at: int, what: str) -> JsoncError:
        """`what` may name what stands at `at` by {found}. A malformed comment there explains all else."""
        text = self._text
        if text.startswith("/*", at):
            return JsoncError(text, at, "this comment is not closed; */ closes it")
        if text.startswith(("/", "#"), at):
            return JsoncError(text, at, "a comment begins with // or /*")
        # One character, not the word: nobody knows what stands in a file.
        return JsoncError(text, at, what.replace("{found}", _shown(text[at : at + 1]) or "the end of the file"))

    def _container(self, start: int, depth: int) -> tuple[int, Json, tuple[Node, ...]]:
        text = self._text
        if depth == DEEPEST:
            raise self.error(start, f"objects and lists are nested more than {DEEPEST} deep")
        is_object = text[start] == "{"
        closer = "}" if is_object else "]"
        items: list[Node] = []
        comma: int | None = start
        at = self.behind_gap(start + 1)
        while not text.startswith(closer, at):
            if comma is None or at == self._length:
                raise self._unfinished(start, closer, at)
            key, value_start = self._name(at) if is_object else (None, at)
            end, value, inner = self.value(value_start, depth + 1)
            behind = _BEHIND.match(text, end)
            assert behind is not None
            comma = behind.start(1) if behind.lastindex else None
            items.append(Node(key, at, value_start, end, value, inner, comma))
            at = behind.end()
        if is_object:
            return at + 1, {item.key: item.value for item in items if item.key is not None}, tuple(items)
        return at + 1, [item.value for item in items], tuple(items)

    def _name(self, at: int) -> tuple[str, int]:
        """The name of a member, and where its value stands."""
        match = _NAME.match(self._text, at)
        if match is None:
            raise self._no_name(at)
        return _string(match[1]), match.end()

    def _unfinished(self, start: int, closer: str, at: int) -> JsoncError:
        if at == len(self._text):
            return self.error(start, "this {found} is not closed before the end of the file")
        return self.error(at, f"a comma or {closer} is missing before {{found}}")

    def _no_name(self, at: int) -> JsoncError:
        if not self._text.startswith('"', at):
            return self.error(at, "a name in double quotes must stand here, not {found}")
        match = _SCALAR.match(self._text, at)
        if match is None:
            return self._bad_string(at)
        return self.error(self.behind_gap(match.end()), "a colon is missing before {found}")

    def _no_value(self, at: int) -> JsoncError:
        first = self._text[at : at + 1]
        if first == '"':
            return self._bad_string(at)
        hint = "; text takes double quotes, words are true, false, null" if first.isalpha() or first == "'" else ""
        return self.error(at, f"a value must stand here, not {{found}}{hint}")

    def _bad_string(self, at: int) -> JsoncError:
        text = self._text
        match = _UNCLOSED_STRING.match(text, at)
        end = match.end() if match else at
        stopped_by = text[end : end + 1]
        if stopped_by == "\\" and text[end + 1 : end + 2] not in ("", "\r", "\n"):
            if text[end + 1] == "u":
                return JsoncError(text, end, r"\u takes four hexadecimal digits; a backslash is written \\")
            return JsoncError(text, end, rf"\{_shown(text[end + 1])} is no escape; a backslash is written \\")
        if stopped_by in ("", "\\", "\r", "\n"):
            return JsoncError(text, at, "this text is not closed on its line")
        return JsoncError(text, end, f"the control character {stopped_by!r} must be escaped inside of a text")


def _string(written: str) -> str:
    return str(json.loads(written)) if "\\" in written else written[1:-1]


def _shown(character: str) -> str:
    return character if character.isprintable() else repr(character)
