"""One reading of the files for one destination: the first value of a keyword wins.

Source: OpenSSH readconf.c, `read_config_file_depth`; ssh.c, `process_config_files`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.model.errors import Problem, ReconcileError
from reconciler.model.tree import Origin
from reconciler.transports.ssh.config import quantities
from reconciler.transports.ssh.config.blocks import Block, Directive, Include, Statement, Unknown, unknown_keyword
from reconciler.transports.ssh.config.conditions import Host, holds
from reconciler.transports.ssh.config.expansion import expand, expand_home, tokens
from reconciler.transports.ssh.config.jumps import is_none, jump_host
from reconciler.transports.ssh.config.patterns import matches_list
from reconciler.transports.ssh.config.sources import Sources
from reconciler.transports.ssh.config.syntax import lowered
from reconciler.transports.ssh.config.values import Remark

DEEPEST_INCLUDE: Final = 16
MOST_INCLUDES: Final = 1000
MOST_FILES_NAMED: Final = 100
DEFAULT_PORT: Final = 22
ACCUMULATING: Final = frozenset({"identityfile", "certificatefile"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How a file is read. `folder`: where what it includes stands. `counts`: no block that does not count includes it."""

    folder: str
    from_user: bool
    checked: bool
    counts: bool = True
    depth: int = 0
    named_at: Origin | None = None


@dataclass(slots=True)
class Walk:
    """What is known so far. `host` is what Host blocks look at: as named, in the final pass as resolved.

    `named_files` are the directives of the keywords that collect, each with whether the user's own file said it.
    """

    sources: Sources
    original_host: str
    host: str
    final: bool = False
    wants_final_pass: bool = False
    values: dict[str, Directive] = field(default_factory=dict)
    named_files: dict[tuple[str, str, bool], Directive] = field(default_factory=dict)
    from_user: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    remarks: dict[Remark, None] = field(default_factory=dict)
    includes: int = 0

    def text(self, keyword: str) -> str | None:
        directive = self.values.get(keyword)
        return directive.values[0] if directive else None

    def read(self, path: str, place: Place) -> None:
        parsed = self.sources.file(path, checked=place.checked, named_at=place.named_at)
        if parsed is None:
            return
        self.problems += parsed.problems
        for block in parsed.blocks:
            counts = self._counts(block, place.counts)
            for statement in block.statements if counts else block.always:
                self._take(statement, place, counts)

    def _counts(self, block: Block, file_counts: bool) -> bool:
        condition = block.condition
        if condition is None:
            return file_counts
        if isinstance(condition, Host):
            return file_counts and condition.holds(self.host)
        self.wants_final_pass = self.wants_final_pass or condition.wants_final_pass
        return file_counts and holds(condition, self)

    def _take(self, statement: Statement, place: Place, counts: bool) -> None:
        match statement:
            case Directive():
                self._set(statement, place)
            case Include():
                for pattern in statement.patterns:
                    self._include(pattern, statement.origin, place, counts)
            case Unknown():
                ignored = self.text("ignoreunknown")
                if ignored is None or not matches_list(lowered(statement.keyword), ignored, lower=True):
                    self.problems.append(unknown_keyword(statement))

    def _set(self, directive: Directive, place: Place) -> None:
        keyword = directive.keyword
        if keyword in ACCUMULATING:
            key = (keyword, directive.values[0], place.from_user)
            self.named_files.setdefault(key, directive)
            if sum(name == keyword for name, _, _ in self.named_files) > MOST_FILES_NAMED:
                raise _error(f"{directive.written} names more than {MOST_FILES_NAMED} files", directive.origin)
            return
        if keyword in self.values:
            return
        if keyword == "refuseconnection":
            raise _error(f"{directive.written} {directive.values[0]}", directive.origin)
        # The other way round a ProxyCommand is kept as well; where there is a jump, nobody looks at it.
        if keyword == "proxyjump" and "proxycommand" in self.values and not is_none(directive.values[0]):
            return
        self.values[keyword] = directive
        if place.from_user:
            self.from_user.add(keyword)

    def _include(self, pattern: str, origin: Origin, place: Place, counts: bool) -> None:
        local = self.sources.local
        if "%" in pattern or "${" in pattern:
            pattern = expand(pattern, self._tokens(), origin, local.environment)
        if pattern.startswith("~"):
            if not place.from_user:
                raise _error(f"{pattern} starts with ~, which has no meaning in the system's file", origin)
            pattern = expand_home(pattern, local, origin)
        inside = replace(place, checked=True, counts=counts, depth=place.depth + 1, named_at=origin)
        for path in self.sources.matching(pattern if pattern.startswith("/") else f"{place.folder}/{pattern}"):
            self.includes += 1
            if inside.depth > DEEPEST_INCLUDE:
                raise _error(f"files include each other more than {DEEPEST_INCLUDE} deep", origin)
            if self.includes > MOST_INCLUDES:
                raise _error(f"more than {MOST_INCLUDES:,} files are included", origin)
            self.read(path, inside)

    def _tokens(self) -> Mapping[str, str]:
        """What a Match exec and an Include know; later lines may still change it."""
        host = self.current_host()
        return tokens(
            self.sources.local,
            alias=self.original_host,
            hostname=host,
            port=quantities.port(self.text("port") or "") or DEFAULT_PORT,
            user=self.current_user(),
            key_alias=self.text("hostkeyalias") or host,
            jump=jump_host(self.text("proxyjump")),
        )

    # What the criteria of a Match ask for.

    @property
    def local_user(self) -> str:
        return self.sources.local.user

    def current_host(self) -> str:
        named = self.values.get("hostname")
        if named is None or self.final:
            return self.host
        return expand(named.values[0], {"%": "%", "h": self.host}, named.origin)

    def current_user(self) -> str:
        return self.text("user") or self.sources.local.user

    def current_tag(self) -> str:
        return self.text("tag") or ""

    def succeeds(self, command: str, origin: Origin) -> bool:
        return self.sources.succeeds(expand(command, self._tokens(), origin), origin)

    def not_honoured(self, keyword: str, value: str, origin: Origin) -> None:
        self.remarks[Remark(keyword=keyword, value=value, origin=origin)] = None


def _error(what: str, origin: Origin | None) -> ReconcileError:
    return ReconcileError([Problem(what, origin)])
