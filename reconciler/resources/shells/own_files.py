"""The files of ours that hold the environment: one for sh and its kin, one for fish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.formats.shell_environment import fish, posix
from reconciler.formats.shell_environment.members import SECRET, VARIABLES
from reconciler.model.facts import FactSheet, FileState
from reconciler.model.resource import FileEdit, Part, Seen
from reconciler.model.secrets import Secret
from reconciler.resources.base import parent_needs

ENV_FILE: Final = "~/.config/reconcile/env.sh"
FISH_FILE: Final = "~/.config/fish/conf.d/reconcile.fish"
FORM: Final = "as reconcile writes it"
_OTHER_FORM: Final = "by another hand, by another version, or with PATH in another order"
_ITS_OWNER: Final = "its owner"


@dataclass(frozen=True, slots=True)
class ShellEnvCodec:
    """Members are `path.NAME` and `variables.NAME`, and the file is written anew from them; other names only have that
    done. `order` names entries of PATH."""

    order: tuple[str, ...]
    is_fish: bool = False

    def members(self, text: str) -> Mapping[str, str]:
        return fish.members(text) if self.is_fish else posix.members(text)

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        edited = {**self.members(text), **{name: value for name, value in changes.items() if "." in name}}
        left = {name: value for name, value in edited.items() if value is not None}
        return fish.text(left, self.order) if self.is_fish else posix.text(left, self.order)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile:
    """One of the two on a machine, as its codec sees it."""

    path: str
    codec: ShellEnvCodec
    file: FileState

    @property
    def text(self) -> str:
        return (self.file.data or b"").decode("utf-8", "surrogateescape")

    @property
    def members(self) -> Mapping[str, str]:
        return self.codec.members(self.text)

    @property
    def form(self) -> Seen | None:
        """How it is written, and who may read it: what its members do not tell."""
        if self.file.data is None:
            return None
        form = FORM if self.codec.edit(self.text, {}) == self.text else _OTHER_FORM
        alone = not (self.file.state.followed.mode or 0) & 0o077
        return Seen(fields={"form": form, "readers": _ITS_OWNER if alone else "others too"})

    def part(self, member: str, value: str | Secret | None, sheet: FactSheet, *, private: bool = False) -> Part:
        """What gives a member its value; a secret's line is marked as one."""
        is_secret = isinstance(value, Secret)
        values = {member: value}
        if member.startswith(VARIABLES):
            values[SECRET + member.removeprefix(VARIABLES)] = "yes" if is_secret else None
        edits = (
            FileEdit(path=self.path, codec=self.codec, member=name, value=said, ours=True, private=private or is_secret)
            for name, said in values.items()
        )
        return Part(thing=self.path, edits=tuple(edits), needs=() if value is None else parent_needs(self.path, sheet))


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a file of ours should be as a whole; `private`: it holds a secret."""

    private: bool

    @property
    def fields(self) -> dict[str, str]:
        return {"form": FORM, **({"readers": _ITS_OWNER} if self.private else {})}
