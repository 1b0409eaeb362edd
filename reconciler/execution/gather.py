"""Asks a machine all questions of one run, of all its targets, in one exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler import agents
from reconciler.execution import program_answers
from reconciler.execution.answer_blocks import Block, MalformedAnswerError, blocks_of
from reconciler.execution.file_answers import numbered_names
from reconciler.execution.path_records import Names
from reconciler.execution.sections import Section
from reconciler.execution.sheet_reader import Known, SheetReader
from reconciler.model.address import Layer, Target
from reconciler.model.errors import UnreachableError
from reconciler.model.facts import NEEDS_ROOT, Account, AccountState, Fact, FactSheet, Unread
from reconciler.model.transport import Result, Transport

SCRIPT: Final = "gather.sh"
ROOT_USER: Final = "root"

_PASSWD: Final = "./etc/passwd"
_GROUP: Final = "./etc/group"
_NOT_THE_CALLER: Final = Unread("only the caller's own session is known")
_LAST_WORDS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. `user` is the person (under sudo, the one who called it), `uid` the rights that the machine's door has,
    `home` that person's, `environment` the variables of that person's own session, as far as they are asked for."""

    user: str
    uid: int
    home: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Each target asked about is in one of the two: its sheet, or why it has none."""

    sheets: Mapping[Target, FactSheet] = field(default_factory=dict)
    reasons: Mapping[Target, str] = field(default_factory=dict)


def gather(
    transport: Transport, questions: Mapping[Target, frozenset[Fact]], *, caller: Caller, root: str | None
) -> Gathered:
    """All targets are of one machine. `root` is the folder of `--root`, absolute: nothing outside it counts then.

    Raises UnreachableError where the machine does not answer, ReconcileError where a question cannot be asked.
    """
    return _Exchange(questions, caller, root).run(transport) if questions else Gathered()


class _Exchange:
    """One section for whoever the door lets in, with the distro's questions and his own; one for each other user."""

    def __init__(self, questions: Mapping[Target, frozenset[Fact]], caller: Caller, root: str | None) -> None:
        self._questions, self._caller, self._root = questions, caller, root
        self._machine = min(questions, key=str).machine
        self._own = tuple(target for target in questions if self._is_own(target))
        others = [target for target in questions if target not in self._own]
        reachable = others if caller.uid == 0 or root is not None else []
        self._refused = {target: NEEDS_ROOT for target in others if target not in reachable}
        self._sections = {target: self._user_section(target) for target in reachable}
        self._main = self._main_section()

    def _is_own(self, target: Target) -> bool:
        if target.layer is not Layer.USER:
            return True
        return self._root is None and target.user == (ROOT_USER if self._caller.uid == 0 else self._caller.user)

    @property
    def _is_caller(self) -> bool:
        """Whether the door has the caller's own rights: under sudo it has not."""
        return self._caller.uid != 0 or self._caller.user == ROOT_USER

    def _main_section(self) -> Section:
        users = {target.user for target in self._sections if target.user}
        asked = {fact.name for facts in self._questions.values() for fact in facts if isinstance(fact, Account)}
        return Section(
            user=None,
            facts=frozenset().union(*(self._questions[target] for target in self._own)),
            accounts=frozenset(users | asked),
            home=self._caller.home if self._root is None and self._is_caller else None,
            root=self._root,
        )

    def _user_section(self, target: Target) -> Section:
        return Section(user=target.user, facts=self._questions[target], root=self._root)

    def run(self, transport: Transport) -> Gathered:
        data = b"".join(section.encode() for section in [self._main, *self._sections.values()])
        result = transport.run(agents.script(SCRIPT), data)
        try:
            return self._read(result)
        except MalformedAnswerError as error:
            raise UnreachableError(
                f"{self._machine} answered what is not an answer: {error}{_last_words(result)}",
                fix="look at what its shell prints, and that it has cat, id, stat, tar and uname",
            ) from error

    def _read(self, result: Result) -> Gathered:
        blocks = blocks_of(result.stdout, self._main.nonce)
        refusal = _refusal(blocks)
        if refusal:
            raise UnreachableError(f"{self._machine}: {refusal}")
        names, main = None, SheetReader(self._main, blocks, None)
        accounts: Mapping[str, AccountState] | Unread = program_answers.accounts(blocks)
        if self._root is not None:
            passwd = main.files.file(_PASSWD)
            accounts = Unread(passwd.unreadable) if passwd.unreadable else accounts
            names = Names(users=numbered_names(passwd.data), groups=numbered_names(main.files.file(_GROUP).data))
            main = SheetReader(self._main, blocks, names)
        kernel = program_answers.kernel(blocks)
        sheets, reasons = {}, dict(self._refused)
        readers = {target: _user_reader(section, result, names) for target, section in self._sections.items()}
        for target, reader in [*((target, main) for target in self._own), *readers.items()]:
            if isinstance(reader, str):
                reasons[target] = accounts.why if isinstance(accounts, Unread) else reader
                continue
            known = Known(kernel=kernel, accounts=accounts, environment=self._environment(target))
            sheets[target] = reader.sheet(self._questions[target], known)
        return Gathered(sheets=sheets, reasons=reasons)

    def _environment(self, target: Target) -> Mapping[str, str] | Unread:
        return self._caller.environment if target.user == self._caller.user else _NOT_THE_CALLER


def _user_reader(section: Section, result: Result, names: Names | None) -> SheetReader | str:
    """What a user's child answered, or why it did not: what one user's processes do must not cost the others theirs."""
    try:
        blocks = blocks_of(result.stdout, section.nonce)
        return _refusal(blocks) or SheetReader(section, blocks, names)
    except MalformedAnswerError as error:
        return f"what {section.user} answered is not an answer: {error}"


def _refusal(blocks: tuple[Block, ...]) -> str | None:
    return next((block.body.decode("utf-8", "replace").strip() for block in blocks if block.word == "refused"), None)


def _last_words(result: Result) -> str:
    text = result.stderr.decode("utf-8", "replace").strip()[-_LAST_WORDS:]
    return f" ({text})" if text else ""
