"""Asks a machine all questions of one run, of all its targets, in one exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.agents import HERE, PASSWORD_PROMPT
from reconciler.execution import program_answers
from reconciler.execution.answer_blocks import Block, MalformedAnswerError, blocks_of
from reconciler.execution.file_answers import numbered_names
from reconciler.execution.path_records import Names
from reconciler.execution.sections import Section
from reconciler.execution.session import (
    Password,
    Refused,
    Rights,
    begin,
    is_locked,
    new_nonce,
    no_root,
    root_said,
    unlock,
)
from reconciler.execution.sheet_reader import Known, SheetReader
from reconciler.model.address import Layer, Target
from reconciler.model.errors import UnreachableError
from reconciler.model.facts import NEEDS_ROOT, Account, AccountState, Fact, FactSheet, Unread
from reconciler.model.transport import Exchange, Result, Transport

SCRIPT: Final = "gather"
ROOT_USER: Final = "root"

_PASSWD: Final = "./etc/passwd"
_GROUP: Final = "./etc/group"
_NOT_THE_CALLER: Final = Unread("only the caller's own session is known")
_LAST_WORDS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. `user` is the person (under sudo, the one who called it, over SSH the login), `uid` the rights that the
    machine's door has, None where only the machine knows; `home` that person's, None: what the machine says;
    `environment` the variables of that person's own session, None where it is not at hand."""

    user: str
    uid: int | None
    home: str | None = None
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Each target asked about is in one of the two: its sheet, or why it has none.

    `is_root`: with whose rights; `password` is what got them. `no_root` is why there were none but the door's.
    """

    sheets: Mapping[Target, FactSheet] = field(default_factory=dict)
    reasons: Mapping[Target, str] = field(default_factory=dict)
    is_root: bool = False
    password: Password | None = None
    no_root: str | None = None


def gather(
    transport: Transport,
    questions: Mapping[Target, frozenset[Fact]],
    *,
    caller: Caller,
    root: str | None,
    rights: Rights = Rights.OWN,
) -> Gathered:
    """All targets are of one machine. `root` is the folder of `--root`, absolute: nothing outside it counts then.

    Raises UnreachableError where the machine does not answer, ReconcileError where a question cannot be asked.
    """
    return Gathering(questions, caller=caller, root=root, rights=rights).ask(transport) if questions else Gathered()


class Gathering:
    """One section for whoever the door lets in, with the distro's questions and his own; one for each other user.

    Where it turns out only over there whether root answers, every user has a section, the caller too.
    """

    def __init__(
        self, questions: Mapping[Target, frozenset[Fact]], *, caller: Caller, root: str | None, rights: Rights
    ) -> None:
        self._questions, self._caller, self._root = questions, caller, root
        self._machine = min(questions, key=str).machine
        only_own = caller.uid == 0 or root is not None or not self._needs_root()
        self._rights = Rights.OWN if only_own else rights
        self._own = tuple(target for target in questions if self._is_own(target))
        others = [target for target in questions if target not in self._own]
        reachable = others if caller.uid == 0 or root is not None or self._rights is not Rights.OWN else []
        self._refused = {target: NEEDS_ROOT for target in others if target not in reachable}
        self._sections = {target: self._user_section(target) for target in reachable}
        self._main = self._main_section()
        self._nonce = new_nonce()
        self._exchange: Exchange | None = None

    def _needs_root(self) -> bool:
        """Whether anything is asked that a plain caller may not be able to answer."""
        return any(target.layer is not Layer.USER or target.user != self._caller.user for target in self._questions)

    def _is_own(self, target: Target) -> bool:
        if target.layer is not Layer.USER:
            return True
        if self._root is not None or self._rights is not Rights.OWN:
            return False
        return target.user == (ROOT_USER if self._caller.uid == 0 else self._caller.user)

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
        own_home = self._caller.home if self._root is None and target.user == self._caller.user else None
        return Section(user=target.user, facts=self._questions[target], home=own_home, root=self._root)

    def ask(self, transport: Transport) -> Gathered:
        """With the best rights that take no password."""
        data = b"".join(section.encode() for section in [self._main, *self._sections.values()])
        exchange = begin(transport, SCRIPT, self._rights, self._nonce, data)
        if self._rights is Rights.ASK and is_locked(exchange, self._nonce):
            self._exchange = exchange
            result = Result(code=0, stdout=exchange.said, stderr=b"")
        else:
            result = exchange.finish()
        try:
            return replace(self._understood(result), no_root=no_root(result, self._nonce))
        except UnreachableError:
            self.close()
            raise

    @property
    def is_locked(self) -> bool:
        """Whether the machine still waits for a password that would get root's answers too."""
        return self._exchange is not None

    def unlock(self, password: Password) -> Gathered:
        """Asks again with root's rights. Refused: sudo did not take the password."""
        assert self._exchange is not None
        try:
            unlock(self._exchange, self._nonce, password)
        except Refused as error:
            if error.wrong:
                raise
            exchange, self._exchange = self._exchange, None
            raise Refused(wrong=False, why=error.why or _of_sudo(exchange.finish())) from error
        result, self._exchange = self._exchange.finish(), None
        return self._understood(replace(result, stdout=root_said(result, self._nonce) or b""))

    def close(self) -> None:
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None

    def _understood(self, result: Result) -> Gathered:
        try:
            return self._read(result)
        except MalformedAnswerError as error:
            raise self._no_answer(error, result) from error

    def _no_answer(self, error: MalformedAnswerError, result: Result) -> UnreachableError:
        words = _last_words(result)
        if HERE not in result.stdout:
            fix = "see the login shell of that user there, and ForceCommand in its sshd_config"
            if "expired" in words:
                fix = "log in there once by hand and choose a new password"
            what = f"did not start a shell for us: what it started ended with status {result.code}{words}"
        elif result.stdout.endswith(HERE):
            what, fix = f"started a shell for us, which did not read our script{words}", "see that it has dd"
        else:
            what, fix = f"answered what is not an answer: {error}{words}", "look at what its shell prints"
        return UnreachableError(f"{self._machine} {what}", fix=fix)

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
        return Gathered(sheets=sheets, reasons=reasons, is_root=main.identity.uid == 0)

    def _environment(self, target: Target) -> Mapping[str, str] | Unread:
        known = self._caller.environment if target.user == self._caller.user else None
        return _NOT_THE_CALLER if known is None else known


def _user_reader(section: Section, result: Result, names: Names | None) -> SheetReader | str:
    """What a user's child answered, or why it did not: what one user's processes do must not cost the others theirs."""
    try:
        blocks = blocks_of(result.stdout, section.nonce)
        return _refusal(blocks) or SheetReader(section, blocks, names)
    except MalformedAnswerError as error:
        return f"what {section.user} answered is not an answer: {error}"


def _refusal(blocks: tuple[Block, ...]) -> str | None:
    return next((block.body.decode("utf-8", "replace").strip() for block in blocks if block.word == "refused"), None)


def _of_sudo(result: Result) -> str:
    """What it said first after it had read the password."""
    said = result.stderr.rpartition(PASSWORD_PROMPT)[2].decode("utf-8", "replace")
    return next((line.strip() for line in said.split("\n") if line.strip()), "sudo did not say why")[:_LAST_WORDS]


def _last_words(result: Result) -> str:
    """Of standard error, or where a login shell speaks, of all there is."""
    said = result.stderr if HERE in result.stdout else result.stdout + result.stderr
    text = said.decode("utf-8", "replace").strip()[-_LAST_WORDS:]
    return f" ({text})" if text else ""
