"""Where YAML trips people: what happened, in their words, and their own line put right.

The parser's errors name tokens and productions. Here they become causes: a colon inside a value, a `%` or `{{` without
quotes, a tab. A corrected line is offered only where reading it gives what was meant: the tests read every one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, replace
from itertools import groupby

import yaml

from reconciler.model.errors import Problem
from reconciler.model.tree import Node, Origin, Scalar

# Longer lines are named but not rewritten: nobody reads them, and taking one apart costs its length squared.
LONGEST_CORRECTED_LINE_CHARACTERS = 400
LONGEST_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A document's lines, without their ends."""

    file: str
    lines: tuple[str, ...]

    def line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def inside(self, origin: Origin) -> Origin:
        """`origin`, or the end of the text where the parser's count of lines goes beyond it."""
        last = len(self.lines)
        return origin if origin.line <= last else Origin(self.file, last, len(self.lines[-1]) + 1)

    def place(self, origin: Origin, *, in_flow: bool = False, opened: Origin | None = None) -> Place:
        return Place(text=self, origin=origin, line=self.line(origin.line), in_flow=in_flow, opened=opened)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point in a document and its line.

    `in_flow`: a `[` or `{` of an earlier line is still open. `opened`: where that begins which the parser was reading.
    """

    text: Text
    origin: Origin
    line: str
    in_flow: bool = False
    opened: Origin | None = None

    @property
    def index(self) -> int:
        return self.origin.column - 1

    @property
    def character(self) -> str:
        return self.line[self.index : self.index + 1]

    @property
    def before(self) -> str:
        return self.line[: self.index].strip()

    @property
    def is_short(self) -> bool:
        return len(self.line) <= LONGEST_CORRECTED_LINE_CHARACTERS

    @property
    def start_of_line(self) -> Place:
        return self.text.place(Origin(self.origin.file, self.origin.line, _indentation(self.line) + 1))

    @property
    def above(self) -> Place:
        """The start of the last line above that says something; of this line where there is none."""
        for number in range(self.origin.line - 1, 0, -1):
            if self.text.line(number).strip() and not self.text.line(number).lstrip().startswith("#"):
                return self.text.place(Origin(self.origin.file, number, 1)).start_of_line
        return self.start_of_line


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def shown(text: str) -> str:
    """`text` cut to what fits a message, its control characters as escapes."""
    cut = text if len(text) <= LONGEST_SHOWN_CHARACTERS else text[: LONGEST_SHOWN_CHARACTERS - 1] + "…"
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in cut)


# ── a line taken apart ───────────────────────────────────────────────────────────────────────────────────────────────

_TOKEN = re.compile(
    r"""(?P<template>\{\{.*?\}\})
      | (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')
      | (?P<comment>(?<=\s)\#.*)
      | (?P<colon>:(?=\s|$)|(?<=["']):)
      | (?P<open>[\[{]) | (?P<close>[\]}]) | (?P<comma>,)
      | (?P<blank>\s+)
      | (?P<text>.)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A key or a value as it stands in a line."""

    start: int
    end: int
    is_key: bool = False


class _Anatomy:
    """The keys and values of a line, read leniently. `value` is all that follows `- ` or `key: `, brackets and all."""

    def __init__(self, place: Place) -> None:
        self._line = place.line[:LONGEST_CORRECTED_LINE_CHARACTERS]
        self._depth = 1 if place.in_flow else 0
        self._after_colon = False
        self._start: int | None = None
        self._value_start = self._end = len(self._line) - len(re.sub(r"^\s*(?:[-?]\s+)*", "", self._line))
        self.pieces: list[_Piece] = []
        position = self._end
        while position < len(self._line):
            kind, stop = self._token(position)
            if kind == "comment":
                break
            self._take(kind, position, stop)
            position = stop
        self._finish()

    @property
    def value(self) -> _Piece:
        return _Piece(start=self._value_start, end=self._end)

    @property
    def ends_in_flow(self) -> bool:
        return self._depth > 0

    def piece_at(self, index: int) -> _Piece | None:
        """What covers `index`, be it key or value, or the next value."""
        return next(
            (piece for piece in self.pieces if index < piece.end and (piece.start <= index or not piece.is_key)), None
        )

    def _token(self, position: int) -> tuple[str, int]:
        """The kind of the next token and its end. Quotes and brackets inside a value, commas in block: just text."""
        match = _TOKEN.match(self._line, position)
        kind = (match and match.lastgroup) or "text"
        if (
            (self._start is not None and kind in ("quoted", "open"))
            or (self._after_colon and kind == "colon")
            or (self._depth == 0 and kind in ("comma", "close"))
        ):
            return "text", position + 1
        return kind, match.end() if match else position + 1

    def _take(self, kind: str, position: int, stop: int) -> None:
        if kind == "blank":
            return
        if kind in ("template", "quoted", "text"):
            self._start = position if self._start is None else self._start
            self._end = stop
            return
        self._finish(is_key=kind == "colon")
        self._end = stop
        self._depth += {"open": 1, "close": -1}.get(kind, 0)
        self._after_colon = kind in ("colon", "close")
        if kind == "colon" and self._depth == 0:
            rest = self._line[stop:]
            self._value_start = self._end = stop + len(rest) - len(rest.lstrip())

    def _finish(self, *, is_key: bool = False) -> None:
        if self._start is not None:
            self.pieces.append(_Piece(start=self._start, end=self._end, is_key=is_key))
        self._start = None


def _quoted(text: str) -> str:
    """`text` as one quoted scalar. Quotes that enclose or touch the rest of it are taken to be meant for all of it."""
    if re.fullmatch(r"""(["'])((?!\1).)*\1?((?!\1).)*\1""", text):
        text = text[1:-1]
    elif re.match(r"""(["'])((?!\1).)*\1[^\s:]""", text):
        text = text.replace(text[0], "")
    return "'" + text.replace("'", "''") + "'" if '"' in text or "\\" in text else f'"{text}"'


def _write(place: Place, line: str, otherwise: str) -> str:
    """The fix that shows `line` in place of the user's, unless it is the same or would not be read either."""
    helps = line != place.line and (place.in_flow or _is_readable(line.strip()))
    return f"write  {line.strip()}" if helps else otherwise


def _is_readable(line: str) -> bool:
    """Whether `line` is YAML on its own; brackets may stay open for the lines below."""
    try:
        for _ in yaml.parse(line, Loader=yaml.SafeLoader):
            pass
    except yaml.MarkedYAMLError as error:
        ends_inside = error.problem_mark is not None and error.problem_mark.index >= len(line)
        return ends_inside and "parsing a flow" in str(error.context)
    except (yaml.YAMLError, ValueError):
        return False
    return True


def _with_quotes(place: Place, *pieces: _Piece) -> str:
    """The fix that puts quotes around these pieces of the line."""
    line = place.line
    otherwise = "put the value in quotes"
    if not place.is_short or not all(piece.start < piece.end for piece in pieces) or not pieces:
        return otherwise
    for piece in reversed(pieces):
        line = line[: piece.start] + _quoted(line[piece.start : piece.end]) + line[piece.end :]
    return _write(place, line, otherwise)


_NOTHING = "(?!)"


def with_quotes_here(place: Place, alike: str = _NOTHING) -> str:
    """The fix that quotes the key or value at this place, and the other values of the line that begin `alike`."""
    anatomy = _Anatomy(place)
    here = anatomy.piece_at(place.index)
    found = [piece for piece in anatomy.pieces if piece is here or re.match(alike, place.line[piece.start : piece.end])]
    return _with_quotes(place, *found)


def _with_quotes_around_all(place: Place) -> str:
    """The fix that quotes all that stands behind the key, or the key where this place is in it."""
    anatomy = _Anatomy(place)
    here = anatomy.piece_at(place.index)
    return _with_quotes(place, here if here and here.is_key else anatomy.value)


# ── accidents that YAML reads as something else ──────────────────────────────────────────────────────────────────────


def template(place: Place) -> Problem | None:
    """`{{ … }}` without quotes, which YAML reads as a mapping in a mapping. None where none stands up to this place."""
    what = "a template without quotes; YAML reads `{{` as the start of two mappings"
    if not place.is_short:
        is_here = place.line.startswith("{{", place.index)
        return Problem(what, place.origin, "put the value in quotes") if is_here else None
    found: list[_Piece] = []
    for piece in _Anatomy(place).pieces:
        opening = place.line.find("{{", piece.start, piece.end)
        if opening >= 0 and place.line[piece.start] not in "\"'" and (found or opening <= place.index):
            found.append(piece)
    if not found:
        return None
    origin = Origin(place.origin.file, place.origin.line, found[0].start + 1)
    if any(piece.is_key for piece in found):
        return Problem("a template in a key; templates are for values only", origin, "write the key out as text")
    return Problem(what, origin, _with_quotes(place, *found))


def collection_as_key(place: Place) -> Problem:
    what = "a list or mapping as a key; keys are text"
    brackets = re.compile(r"\[[^]\"']*\](?=\s*:(?:\s|$))").match(place.line, place.index) if place.is_short else None
    if not brackets:
        return Problem(what, place.origin, "write the key as text")
    return Problem(what, place.origin, _with_quotes(place, _Piece(start=brackets.start(), end=brackets.end())))


def unknown_alias(place: Place) -> Problem:
    what = "text that begins with `*` refers to an anchor, and there is no such anchor above"
    return Problem(what, place.origin, with_quotes_here(place, alike=r"\*(?![\w-])"))


def anchor_of_nothing(place: Place) -> Problem:
    what = "a value that begins with `&` names an anchor, and nothing follows it here"
    return Problem(what, place.origin, with_quotes_here(place))


def tag(place: Place, *, on_plain_text: bool = True) -> Problem:
    """`!!python/…`, `!include`, `!vault`, `!!str 5`, or a plain value that begins with `!`."""
    match = re.compile(r"(?:&\S*\s+)?(![^\s,\]}]*)\s*").match(place.line, place.index)
    name = match[1] if match else "!"
    what = f"`{shown(name)}` is a YAML tag; tags are not used here"
    if name == "!include":
        return Problem(what, place.origin, "name the file under  include:  at the top of the document")
    if name == "!vault":
        return Problem(what, place.origin, 'name it under  secrets:  and write  "{{ secrets.NAME }}"')
    if not match or not place.is_short:
        return Problem(what, place.origin, "remove it, or put the value in quotes")
    if on_plain_text and not name.startswith("!!"):
        return Problem(what, place.origin, with_quotes_here(place))
    bare = replace(place, line=place.line[: match.start(1)] + place.line[match.end() :])
    is_text = on_plain_text and name == "!!str"
    return Problem(
        what, place.origin, with_quotes_here(bare) if is_text else _write(place, bare.line, "remove the tag")
    )


def is_path_in_double_quotes(place: Place) -> bool:
    """Whether `"C:\\temp"` stands here: a path whose backslashes have become tabs and line ends."""
    path = r'"(?:[A-Za-z]:|%\w+%|\$(?:APPDATA|LOCALAPPDATA|PROGRAMDATA))\\(?![\\/"])'
    return re.compile(path).match(place.line, place.index) is not None


def escape(place: Place) -> Problem:
    """A backslash in double quotes that was meant as itself."""
    what = 'a backslash in double quotes starts an escape (`\\t` is a tab, `\\"` a quote)'
    # `"C:\Go\"` was meant to end at its second quote, although YAML reads on.
    as_meant, as_read = r'"([^"]*)"(?=\s*(?:$|[]},]|\s#))', r'"((?:[^"\\]|\\.)*)"'
    quoted = re.compile(f"{as_meant}|{as_read}").match(place.line, place.index)
    otherwise = "use single quotes, or / in place of \\"
    if not quoted or not place.is_short:
        return Problem(what, place.origin, otherwise)
    text = re.sub(r"\\([\\\"])", r"\1", quoted[quoted.lastindex or 0]).replace("'", "''")
    line = f"{place.line[: quoted.start()]}'{text}'{place.line[quoted.end() :]}"
    return Problem(what, place.origin, _write(place, line, otherwise))


def keys_without_value(text: Text, entries: Ordered[tuple[Scalar, Node]]) -> Iterator[Problem]:
    """Of a mapping in braces: each run of keys without a value, such as the comma in `{GOPROXY: https://a,direct}`."""
    before: Node | None = None
    for is_without, group in groupby(entries, key=lambda entry: entry[1] == Scalar("", entry[1].origin)):
        run = list(group)
        if is_without:
            yield _key_without_value(before, run[0][0], run[-1][0], text.place(run[0][0].origin))
        before = run[-1][1]


def _key_without_value(before: Node | None, first: Scalar, last: Scalar, place: Place) -> Problem:
    """`before` is the value that the comma in front of `first` ended."""
    end = last.origin.column - 1 + len(last.text)
    ends_there = place.line[end:].lstrip()[:1] in (",", "}", "")
    if isinstance(before, Scalar) and ends_there and before.origin.line == first.origin.line == last.origin.line:
        what = f"the comma ends the value; `{shown(first.text)}` stands as a key of its own, without a value"
        return Problem(what, place.origin, _with_quotes(place, _Piece(start=before.origin.column - 1, end=end)))
    what = f"the key `{shown(first.text)}` has no value"
    unspaced = re.match(r"[\w.-]+:(?=[^/\s])", first.text) if first.plain and place.is_short else None
    if unspaced:
        colon = place.index + unspaced.end()
        return Problem(f"{what}; a colon needs a blank after it", place.origin, _spaced(place, colon))
    return Problem(what, place.origin, "give it a value; a list is written in [ ]")


def _spaced(place: Place, index: int) -> str:
    return _write(place, f"{place.line[:index]} {place.line[index:]}", "write a blank after the colon")


# ── accidents that the parser stops at ───────────────────────────────────────────────────────────────────────────────


def syntax(place: Place, parser_words: str, last_read: Origin | None = None) -> Problem:
    """Why the parser stopped here, `last_read` being what it understood last.

    `parser_words` are its context and its problem, which libyaml and PyYAML put differently.
    """
    if place.character != "\t" and (found := template(place)):
        return found
    if last_read and last_read.line < place.origin.line and (found := _late_quote(place, last_read)):
        return found
    if place.opened and _EXPLAINED_WHERE_IT_OPENED.search(parser_words):
        place = place.text.place(place.opened, in_flow=place.in_flow)
    for pattern, explain in _EXPLANATIONS:
        if re.search(pattern, parser_words):
            return explain(place)
    return Problem("this cannot be read as YAML from here on", place.origin, "look at this line and the one above it")


def _late_quote(place: Place, last_read: Origin) -> Problem | None:
    """A quote left open closes at the next one, lines below, and so that the text of the second stands bare."""
    opened = place.text.place(last_read)
    if opened.character not in ("'", '"') or place.before[-1:] != opened.character:
        return None
    what = f"the quote that begins here ends on line {place.origin.line}, amid other text"
    return Problem(what, opened.origin, f"close it with {opened.character} where its text ends")


def _forbidden_start(place: Place) -> Problem:
    if place.character == "\t":
        return _tab(place)
    what = f'text cannot begin with "{shown(place.character)}" without quotes'
    return Problem(what, place.origin, with_quotes_here(place, alike="[%@`]"))


def _tab(place: Place) -> Problem:
    corrected = place.line.replace("\t", "  ").rstrip()
    fix = f"with blanks:  {corrected}" if place.is_short and corrected else "use blanks"
    return Problem("a tab; YAML indents with blanks only", place.origin, fix)


def _second_colon(place: Place) -> Problem:
    """A `: ` inside a value, or a key below an entry that already has its value."""
    if _Anatomy(place).value.start <= place.index:
        what = "a colon and a blank inside a value without quotes"
        return Problem(what, place.origin, _with_quotes_around_all(place))
    above = place.above
    if above.origin.column == place.start_of_line.origin.column:
        return _no_colon(above)
    what = f"this key is indented below line {above.origin.line}, which already has a value"
    return Problem(what, place.start_of_line.origin, f"begin it in column {above.origin.column}")


def _no_colon(place: Place) -> Problem:
    unspaced = re.match(r"\s*(?:- +)?[\w.-]+:(?=[^/\s])", place.line) if place.is_short else None
    if unspaced:
        return Problem("a colon needs a blank after it", place.origin, _spaced(place, unspaced.end()))
    what = "this line is neither `key: value` nor a list item"
    return Problem(what, place.origin, "give it a colon and a value, or indent it below the value that it continues")


def _list_behind_key(place: Place) -> Problem:
    what = "a list item cannot stand on the line of its key"
    otherwise = "begin the list on a line of its own"
    value = _Anatomy(place).value
    item = place.line[value.start : value.end].removeprefix("-").strip()
    goes_on = place.text.line(place.origin.line + 1).lstrip().startswith("- ")
    if goes_on or place.index != value.start or not place.is_short or re.search(r"[][{},:#\"'-]", item):
        return Problem(what, place.origin, otherwise)
    line = f"{place.line[: value.start]}[{item}]{place.line[value.end :]}"
    return Problem(what, place.origin, _write(place, line, otherwise))


def _open_quote(place: Place) -> Problem:
    if place.character == '"' and place.line.rstrip().endswith('\\"'):
        return escape(place)
    return Problem("this quote is never closed", place.origin, f"close it with {place.character or 'a quote'}")


def _text_block(place: Place) -> Problem:
    what = f"a value that begins with `{place.character}` starts a block of text on the next lines"
    return Problem(what, place.origin, _with_quotes_around_all(place))


def _question(place: Place) -> Problem:
    return Problem("text cannot begin with `? ` without quotes", place.origin, _with_quotes_around_all(place))


def _directive(place: Place) -> Problem:
    keys = [piece for piece in _Anatomy(place).pieces if piece.is_key]
    fix = _with_quotes(place, *keys) if keys else "remove this line"
    return Problem("a line that begins with `%` is a YAML directive", place.origin, fix)


def _in_brackets(place: Place) -> Problem:
    """Between `[ ]` or `{ }`: something other than a comma or the end."""
    opened = place.text.place(place.opened or place.origin)
    is_below = place.origin.line > opened.origin.line
    if not place.character or (is_below and _indentation(place.line) <= _indentation(opened.line)):
        return _never_closed(opened)
    if is_below and place.character == ":":
        return Problem("a missing comma before this key", place.start_of_line.origin, "end the line above with a comma")
    if place.character in "]}":
        what = f"`{place.character}` does not close the `{opened.character}` of line {opened.origin.line}"
        return Problem(what, place.origin, f"close it with {_closing(opened)}")
    what = "a missing comma, or a value that needs quotes"
    plain = place.character not in "[{"
    return Problem(what, place.origin, with_quotes_here(place) if plain else "put the value in quotes")


def _never_closed(opened: Place) -> Problem:
    return Problem(f"`{opened.character}` is never closed", opened.origin, f"close it with {_closing(opened)}")


def _closing(opened: Place) -> str:
    return "}" if opened.character == "{" else "]"


def _no_value(place: Place) -> Problem:
    if _Anatomy(replace(place, line=place.line[: place.index])).ends_in_flow:
        if place.character == ",":
            return Problem("a comma where a value is expected", place.origin, _without(place))
    elif place.character and place.character in ",]}":
        what = f"text cannot begin with `{place.character}` without quotes"
        return Problem(what, place.origin, _with_quotes_around_all(place))
    if not place.character and place.opened:
        return _never_closed(place.text.place(place.opened))
    return Problem("a value is missing here", place.origin, "write one")


def _without(place: Place) -> str:
    """The fix that takes out the character at this place."""
    line = place.line[: place.index] + place.line[place.index + 1 :]
    return _write(place, line, "remove it") if place.is_short else "remove it"


def _structure(place: Place) -> Problem:
    """Something that continues neither the value nor the entries above."""
    if place.before[-1:] and place.before[-1:] in "\"']}":
        if place.character in "]}":
            return Problem(f"`{place.character}` closes nothing", place.origin, _without(place))
        what = "text behind the end of a value"
        return Problem(what, place.origin, _with_quotes_around_all(place))
    if place.character == ":":
        return Problem("a colon without a key before it", place.origin, "write the key")
    if place.line[place.index :].startswith("- "):
        what = "a list item among keys"
        return Problem(what, place.origin, "indent the list below the key it belongs to")
    what = "this line fits none of the entries above: a list goes on with `- `, other entries in their own column"
    return Problem(what, place.origin, "line it up with the entries it belongs to")


def _after_the_end(place: Place) -> Problem:
    if not place.character:
        return Problem("a directive, and no document behind it", place.origin, "write  ---  and the document")
    return Problem("text behind the end of the document", place.origin, "remove it, or put the whole value in quotes")


_EXPLAINED_WHERE_IT_OPENED = re.compile(r"simple key|(block|quoted) scalar|an alias|an anchor|tag|directive")

_EXPLANATIONS: tuple[tuple[str, Callable[[Place], Problem]], ...] = (
    (r"a tab character", _tab),
    (r"cannot start any token", _forbidden_start),
    (r"mapping values are not allowed", _second_colon),
    (r"expected ':'", _no_colon),
    (r"sequence entries are not allowed", _list_behind_key),
    (r"mapping keys are not allowed", _question),
    (r"quoted scalar \| .*(end of stream|document)", _open_quote),
    (r"scalar \| .*(escape|hexa?decimal)", escape),
    (r"an alias", unknown_alias),
    (r"an anchor", anchor_of_nothing),
    (r"block scalar", _text_block),
    (r"directive|YAML document|version", _directive),
    (r"tag", tag),
    (r"expected ',' or", _in_brackets),
    (r"node content", _no_value),
    (r"expected key|<block end>|'-' indicator", _structure),
    (r"document start", _after_the_end),
)
