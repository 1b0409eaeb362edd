"""One identity's answers, read from the blocks of its section. Strict: what is not understood is not an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from reconciler.execution import file_answers, program_answers
from reconciler.execution.answer_blocks import Block
from reconciler.execution.path_records import Names
from reconciler.execution.program_answers import Kernel
from reconciler.execution.sections import Section, machine_path
from reconciler.model import facts
from reconciler.model.facts import AccountState, Answer, Fact, FactSheet, Host, PathFact, Session, Unread

AT_REST: Final = Unread("--root: the system does not run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a section does not answer itself: the machine, its accounts, and the variables of the sheet's own session."""

    kernel: Kernel
    accounts: Mapping[str, AccountState] | Unread
    environment: Mapping[str, str] | Unread


class SheetReader:
    """Makes fact sheets of one section's blocks. Raises MalformedAnswerError where they are none."""

    def __init__(self, section: Section, blocks: tuple[Block, ...], names: Names | None) -> None:
        self._section = section
        self.identity = program_answers.identity(blocks)
        self._at_rest = section.root is not None
        paths = file_answers.path_answers(
            blocks,
            section.mark,
            guarded=self.identity.uid == 0,
            process=None if self._at_rest else self.identity.process,
            names=names,
        )
        self.files = file_answers.file_answers(blocks, paths)
        self._commands = program_answers.commands(blocks, section.commands)
        self._variables = program_answers.login_variables(blocks, section.mark, section.login_names)
        self._programs = program_answers.programs(blocks)
        self._libc = program_answers.libc(blocks)
        self._processes = program_answers.running_processes(blocks)

    def sheet(self, asked: frozenset[Fact], known: Known) -> FactSheet:
        return FactSheet(host=self._host(known.kernel), answers={fact: self._answer(fact, known) for fact in asked})

    def _host(self, kernel: Kernel) -> Host:
        who = self.identity
        if self._at_rest:
            return Host(
                user=who.user, uid=who.uid, home=who.home, architecture=kernel.architecture, wsl=True, at_rest=True
            )
        return Host(
            user=who.user,
            uid=who.uid,
            home=who.home,
            kernel=kernel.release,
            architecture=kernel.architecture,
            hostname=kernel.hostname,
            boot=kernel.boot,
            init_started=kernel.init_started,
            wsl=kernel.wsl,
            systemd=kernel.systemd,
            processes=self._processes,
        )

    def _answer(self, fact: Fact, known: Known) -> Answer | Unread:
        match fact:
            case facts.PathInfo() | facts.FileText() | facts.FileDigest() | facts.GoBinary() | facts.Listing():
                return self._path_answer(fact, self._own(fact.path))
            case facts.ProgramPath(name=name):
                return self._programs.get(name)
            case facts.CommandText(argv=argv):
                return AT_REST if self._at_rest else self._commands[argv]
            case facts.Environment():
                return AT_REST if self._at_rest else self._variable(fact, known.environment)
            case facts.Account(name=name):
                return known.accounts if isinstance(known.accounts, Unread) else known.accounts.get(name)
            case facts.Libc():
                return self._libc
            case _:
                assert_never(fact)

    def _path_answer(self, fact: PathFact, path: str) -> Answer | Unread:
        match fact:
            case facts.PathInfo():
                return self.files.paths.state(path)
            case facts.FileText():
                return self.files.file(path)
            case facts.FileDigest():
                return self.files.digest(path)
            case facts.GoBinary():
                return self.files.go_build(path)
            case facts.Listing():
                return self.files.listing(path)
            case _:
                assert_never(fact)

    def _variable(self, fact: facts.Environment, own: Mapping[str, str] | Unread) -> str | Unread | None:
        if fact.session is Session.LOGIN:
            return self._variables[fact.name]
        return own if isinstance(own, Unread) else own.get(fact.name)

    def _own(self, path: str) -> str:
        """A fact's path in the script's form, the home put in."""
        form = machine_path(path)
        return f".{self.identity.home}{form[1:]}" if form.startswith("~") else form
