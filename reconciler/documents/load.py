"""YAML text to a tree in which every node knows its line and column.

Only PyYAML's parser is used: no value is constructed, no tag or type resolved. Nodes are built from its events, one by
one and without recursion, so that each budget stops a document before it costs anything.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, field
from typing import NoReturn, Protocol, TypeAlias

import yaml

from reconciler.documents import accidents
from reconciler.documents.accidents import Place, Text, shown
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.tree import Mapping, Node, Origin, Scalar, Sequence

LARGEST_DOCUMENT_BYTES = 1024 * 1024
DEEPEST_NESTING_LEVELS = 64
MOST_NODES = 20_000
MOST_NODES_THROUGH_ALIASES = 1_000
MOST_PROBLEMS = 50

# Quoted, because a PyYAML built without libyaml has no CSafeLoader.
EventLoader: TypeAlias = "type[yaml.SafeLoader] | type[yaml.CSafeLoader]"
FASTEST_LOADER: EventLoader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
# Besides its own errors, PyYAML's pure parser lets these escape: chr() of an escape out of range, int() of a version.
_PARSER_ERRORS = (
    yaml.YAMLError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
    RecursionError,
    MemoryError,
)

_LINE_END = re.compile(r"\r\n?|\n")
# C0 but tab and line ends, C1, the other Unicode line ends (YAML counts them, editors do not), BOM, and the controls of
# writing direction that make text read otherwise than it is.
_UNREADABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
# What an escape may not put into a value: `\e` has its uses in prompts, the others come from paths.
_UNWANTED = re.compile("[\0-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f\ud800-\udfff]")
# libyaml compares each %TAG with all before it: 1 MiB of them takes 4 s.
_TAG_DIRECTIVE = re.compile(r"(?<![^\r\n])%TAG\b")


def load(data: bytes, file: str, loader: EventLoader = FASTEST_LOADER) -> Node | None:
    """The tree of one document; None where it is empty. `file` is how origins name it. All else is a DocumentError."""
    content = _decoded(data, file)
    text = Text(file=file, lines=tuple(_LINE_END.split(content)))
    composer = _Composer(text)
    try:
        composer.read(yaml.parse(content, Loader=loader))
    except yaml.MarkedYAMLError as error:
        composer.stop_at(error)
    except _PARSER_ERRORS:
        composer.stop_here("this cannot be read as YAML from here on", "look at this line and those below it")
    except _EnoughError:
        pass
    if composer.problems:
        raise DocumentError(sorted(composer.problems, key=_position))
    return composer.root


def _position(problem: Problem) -> tuple[int, int]:
    return (problem.origin.line, problem.origin.column) if problem.origin else (0, 0)


def lines_of(data: bytes) -> tuple[str, ...]:
    """The lines that origins count, whatever the bytes: for showing them beside a problem."""
    return tuple(_LINE_END.split(data.decode("utf-8-sig", errors="replace")))


# ── from bytes to characters ─────────────────────────────────────────────────────────────────────────────────────────


def _decoded(data: bytes, file: str) -> str:
    start = Origin(file, 1, 1)
    if len(data) > LARGEST_DOCUMENT_BYTES:
        what = f"{len(data):,} bytes; a document holds at most {LARGEST_DOCUMENT_BYTES:,}"
        raise DocumentError([Problem(what, start, "split it and name the parts under  include:")])
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or (len(data) > 1 and data[:2].count(0) == 1):
        fix = "save it as UTF-8 (the `>` of Windows PowerShell writes UTF-16)"
        raise DocumentError([Problem("this file is UTF-16; documents are UTF-8", start, fix)])
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        origin = _origin_at(file, data[: error.start].decode("utf-8-sig", errors="replace"))
        what = f"the byte {data[error.start]:#04x} is not UTF-8"
        raise DocumentError([Problem(what, origin, "save the file as UTF-8")]) from None
    if unreadable := _UNREADABLE.search(content):
        raise DocumentError([_unreadable(unreadable[0], _origin_at(file, content[: unreadable.start()]))])
    if directive := _TAG_DIRECTIVE.search(content):
        origin = _origin_at(file, content[: directive.start()])
        raise DocumentError([Problem("a YAML directive for tags; tags are not used here", origin, "remove this line")])
    return content


def _origin_at(file: str, before: str) -> Origin:
    lines = _LINE_END.split(before)
    return Origin(file, len(lines), len(lines[-1]) + 1)


def _unreadable(character: str, origin: Origin) -> Problem:
    if character == "\0":
        return Problem("a NUL character; this is not a text file", origin, "name a YAML file")
    name = unicodedata.name(character, "control character").lower()
    fix = "remove it"
    if not _UNWANTED.match(character):
        fix += f', or write "\\u{ord(character):04x}" in double quotes'
    return Problem(f"the invisible character U+{ord(character):04X} ({name})", origin, fix)


# ── from events to nodes ─────────────────────────────────────────────────────────────────────────────────────────────


class _Mark(Protocol):
    """Lines and columns from 0; libyaml's marks and PyYAML's own are different classes."""

    line: int
    column: int


class _EnoughError(Exception):
    """Ends the reading: what follows is no longer worth a message, or costs too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    """A finished node. `nodes` counts it with all below it, aliases expanded; `levels` is 0 for a scalar."""

    node: Node
    nodes: int = 1
    levels: int = 0


@dataclass(slots=True, kw_only=True)
class _Open:
    """A sequence or mapping whose end has not been read yet."""

    origin: Origin
    anchor: str | None
    is_mapping: bool
    is_flow: bool
    items: list[Node] = field(default_factory=list)
    entries: list[tuple[Scalar, Node]] = field(default_factory=list)
    keys: dict[str, Scalar] = field(default_factory=dict)
    key: Scalar | None = None
    nodes: int = 1
    levels: int = 1

    @property
    def expects_key(self) -> bool:
        return self.is_mapping and self.key is None

    def add(self, built: _Built) -> None:
        self.nodes += built.nodes
        self.levels = max(self.levels, built.levels + 1)
        if self.expects_key:
            # Any other key has been reported, and its tree is never returned.
            self.key = built.node if isinstance(built.node, Scalar) else Scalar("", built.node.origin)
        elif self.key is not None:
            self.entries.append((self.key, built.node))
            self.key = None
        else:
            self.items.append(built.node)

    def built(self) -> _Built:
        mapping, sequence = Mapping(tuple(self.entries), self.origin), Sequence(tuple(self.items), self.origin)
        return _Built(node=mapping if self.is_mapping else sequence, nodes=self.nodes, levels=self.levels)


class _Composer:
    def __init__(self, text: Text) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._text = text
        self._here = Origin(text.file, 1, 1)
        self._open: list[_Open] = []
        self._anchors: dict[str, _Built | None] = {}
        self._documents = 0
        self._nodes = 0
        self._aliased_nodes = 0
        # While a key is itself a collection, it has been reported and what it holds is not looked at.
        self._silent_above: int | None = None

    def read(self, events: Iterable[yaml.Event]) -> None:
        for event in events:
            self._here = self._origin(event.start_mark) or self._here
            match event:
                case yaml.DocumentStartEvent():
                    self._start_document()
                case yaml.CollectionEndEvent():
                    self._close()
                case yaml.NodeEvent():
                    self._read_node(event)

    def stop_at(self, error: yaml.MarkedYAMLError) -> None:
        """Explains where the parser gave up, unless a problem on that line has been named already."""
        origin = self._text.inside(self._origin(error.problem_mark) or self._here)
        opened = self._origin(error.context_mark)
        if "flow node" in str(error.context) and self._open:
            opened = self._open[-1].origin
        place = self._place_of(origin, opened)
        if all(problem.origin is None or problem.origin.line != origin.line for problem in self.problems):
            self.problems.append(accidents.syntax(place, f"{error.context} | {error.problem}", self._here))

    def stop_here(self, what: str, fix: str) -> None:
        self.problems.append(Problem(what, self._here, fix))

    def _origin(self, mark: _Mark | None) -> Origin | None:
        return Origin(self._text.file, mark.line + 1, mark.column + 1) if mark else None

    def _report(self, problem: Problem) -> None:
        if self._silent_above is not None and len(self._open) > self._silent_above:
            return
        if self.problems and self.problems[-1] == problem:
            return
        self.problems.append(problem)
        if len(self.problems) >= MOST_PROBLEMS:
            raise _EnoughError

    def _give_up(self, what: str, fix: str) -> NoReturn:
        self.stop_here(what, fix)
        raise _EnoughError

    def _start_document(self) -> None:
        self._documents += 1
        if self._documents > 1:
            self._give_up("a second document begins here; a file holds one", "put it into a file of its own")

    def _read_node(self, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            what = f"more than {MOST_NODES:,} keys and values"
            self._give_up(what, "split the document and name the parts under  include:")
        if getattr(event, "tag", None):
            self._report(accidents.tag(self._place, on_plain_text=getattr(event, "style", "'") in ("", None)))
        match event:
            case yaml.AliasEvent():
                self._add(self._aliased(event.anchor or ""))
            case yaml.ScalarEvent():
                self._read_scalar(event)
            case yaml.CollectionStartEvent():
                self._start_collection(event)

    @property
    def _place(self) -> Place:
        return self._place_of(self._here)

    def _place_of(self, origin: Origin, opened: Origin | None = None) -> Place:
        in_flow = any(frame.is_flow and frame.origin.line < origin.line for frame in self._open)
        return self._text.place(origin, in_flow=in_flow, opened=opened)

    def _aliased(self, anchor: str) -> _Built:
        built = self._anchors.get(anchor)
        if anchor not in self._anchors:
            self._report(accidents.unknown_alias(self._place))
        elif built is None:
            self._report(Problem("this alias stands inside what it refers to", self._here, "write the values out"))
        elif len(self._open) + built.levels > DEEPEST_NESTING_LEVELS:
            self._give_up(*_TOO_DEEP)
        elif self._open and self._open[-1].expects_key:
            self._report(Problem("an alias as a key; keys are text", self._here, "write the key out"))
        self._aliased_nodes += built.nodes if built else 0
        if self._aliased_nodes > MOST_NODES_THROUGH_ALIASES:
            what = f"aliases repeat more than {MOST_NODES_THROUGH_ALIASES:,} values"
            self._give_up(what, "share values with  use:  or  include:")
        return built or _Built(node=Scalar("", self._here))

    def _read_scalar(self, event: yaml.ScalarEvent) -> None:
        scalar = Scalar(event.value, self._here, plain=not event.style)
        if event.anchor and scalar.plain and not scalar.text:
            self._report(accidents.anchor_of_nothing(self._place))
        if event.style == '"' and (_UNWANTED.search(scalar.text) or accidents.is_path_in_double_quotes(self._place)):
            self._report(accidents.escape(self._place))
        if self._open and self._open[-1].expects_key:
            self._check_key(self._open[-1], scalar)
        built = _Built(node=scalar)
        if event.anchor:
            self._anchors[event.anchor] = built
        self._add(built)

    def _check_key(self, mapping: _Open, key: Scalar) -> None:
        first = mapping.keys.setdefault(key.text, key)
        if key.is_null:
            what = f"`{key.text}` as a key is YAML's null" if key.text else "a key is missing before the colon"
            fix = accidents.with_quotes_here(self._place) if key.text else "write the key"
            self._report(Problem(what, key.origin, fix))
        elif key.plain and key.text == "<<":
            fix = "share values with  use:,  include:  or an overlay"
            self._report(Problem("`<<` merges mappings in YAML; it is not used here", key.origin, fix))
        elif "\n" in key.text:
            self._report(Problem("a key of more than one line", key.origin, "write the key on one line"))
        elif first is not key:
            what = f"`{shown(key.text)}` stands here for the second time; the first is on line {first.origin.line}"
            self._report(Problem(what, key.origin, "keep one of them, or give both entries one key"))

    def _start_collection(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= DEEPEST_NESTING_LEVELS:
            self._give_up(*_TOO_DEEP)
        if self._open and self._open[-1].expects_key and self._silent_above is None:
            self._report_collection_as_key(self._open[-1])
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(
            _Open(
                origin=self._here,
                anchor=event.anchor,
                is_mapping=isinstance(event, yaml.MappingStartEvent),
                is_flow=bool(event.flow_style),
            )
        )

    def _report_collection_as_key(self, parent: _Open) -> None:
        """`{{ x }}` without quotes arrives as a mapping whose first key is a mapping, and nearly always means that."""
        here, found, depth = self._place, None, len(self._open)
        if parent.is_flow and here.line[: here.index + 1].endswith("{{"):
            found, depth = accidents.template(self._place_of(parent.origin)), depth - 1
        elif here.line.startswith("{{", here.index):
            found = accidents.template(here)
        self._report(found or accidents.collection_as_key(here))
        self._silent_above = depth

    def _close(self) -> None:
        frame = self._open[-1]
        if frame.is_mapping and frame.is_flow and self._silent_above is None:
            for problem in accidents.keys_without_value(self._text, frame.entries):
                self._report(problem)
        self._open.pop()
        built = frame.built()
        if frame.anchor:
            self._anchors[frame.anchor] = built
        self._add(built)
        if self._silent_above is not None and len(self._open) <= self._silent_above:
            self._silent_above = None

    def _add(self, built: _Built) -> None:
        if self._open:
            self._open[-1].add(built)
        elif not (isinstance(built.node, Scalar) and built.node.plain and not built.node.text):
            self.root = built.node


_TOO_DEEP = (f"more than {DEEPEST_NESTING_LEVELS} levels deep", "bring it to fewer levels")


# ── showing a place ──────────────────────────────────────────────────────────────────────────────────────────────────

WIDEST_SNIPPET_CHARACTERS = 100
_SHOWN_BEFORE_CARET_CHARACTERS = 70


def snippet(data_lines: Ordered[str], origin: Origin, context_lines: int = 1) -> tuple[str, ...]:
    """The line of `origin` with those around it, numbered, and a caret below its column; () where it does not exist.

    Plain text in which nothing acts on a terminal: a tab is four blanks, other characters that cannot be seen are `�`.
    """
    if not 1 <= origin.line <= len(data_lines):
        return ()
    first, last = max(1, origin.line - context_lines), min(len(data_lines), origin.line + context_lines)
    index = min(max(origin.column - 1, 0), len(data_lines[origin.line - 1]))
    left = max(0, index - _SHOWN_BEFORE_CARET_CHARACTERS)
    margin = len(str(last))
    shown_lines = []
    for number in range(first, last + 1):
        line = data_lines[number - 1]
        shown_lines.append(f"{number:>{margin}} | {_visible(line[left : left + WIDEST_SNIPPET_CHARACTERS])}".rstrip())
        if number == origin.line:
            shown_lines.append(f"{'':>{margin}} | {' ' * _cells(_visible(line[left:index]))}^")
    return tuple(shown_lines)


def _visible(text: str) -> str:
    without_tabs = text.replace("\t", "    ")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in without_tabs)


def _cells(text: str) -> int:
    """Columns of a terminal: wide East Asian characters take two, combining marks none."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.category(letter) in ("Mn", "Me") for letter in text)
