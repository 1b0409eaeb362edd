"""Which start-up files must read ours so that every shell in use does, and the blocks that make them.

bash reads only the first of ~/.bash_profile, ~/.bash_login and ~/.profile; ~/.bashrc ends early for programs, so the block
stands above that. server-env-setup is read by sh before VS Code's server starts in WSL: terminals and extensions inherit it.

Source: bash(1) INVOCATION, zsh(1) STARTUP/SHUTDOWN FILES, mksh(1), Debian's /etc/skel; microsoft/vscode-remote-release 1518.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.formats.managed_block import BlockCodec, BlockError, Position
from reconciler.formats.shell_environment.posix import ANEW
from reconciler.model.facts import Fact, FactSheet, FileState, FileText, PathInfo
from reconciler.model.resource import Blocked, Fields, FileEdit, Observed, Part, Seen
from reconciler.model.values import Absent
from reconciler.resources import vscode
from reconciler.resources.base import parent_facts, parent_needs
from reconciler.resources.members import refusal
from reconciler.resources.shells.in_use import is_in_use, is_there, shell_facts
from reconciler.resources.shells.own_files import ENV_FILE

BLOCK: Final = "shell_env"
_SERVERS: Final = {"vscode_server": "~/.vscode-server", "vscode_server_insiders": "~/.vscode-server-insiders"}
_RC_FILES: Final = {"bash": "bashrc", "zsh": "zshenv", "mksh": "mkshrc"}
_OUT_OF_REACH: Final = "it stands below the line that ends the file for shells that are not interactive: it moves up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A block in the file at `path`. `begin` are lines that say, in the file's language, whether a session begins when it is
    read."""

    path: str
    begin: str = f"  {ANEW}=yes\n"
    position: Position = Position.END

    @property
    def codec(self) -> BlockCodec:
        return BlockCodec(position=self.position)

    @property
    def text(self) -> str:
        return f"if [ -r {ENV_FILE} ]; then\n{self.begin}  . {ENV_FILE}\nfi\n"


HOOKS: Final[Mapping[str, Hook]] = {
    "profile": Hook(path="~/.profile"),
    "bash_profile": Hook(path="~/.bash_profile"),
    "bash_login": Hook(path="~/.bash_login"),
    "bashrc": Hook(path="~/.bashrc", begin="", position=Position.ABOVE_GUARD),
    "zshenv": Hook(path="~/.zshenv", begin=f"  if [[ -o login ]]; then {ANEW}=yes; fi\n"),
    "mkshrc": Hook(path="~/.mkshrc", begin=""),
    **{name: Hook(path=f"{folder}/server-env-setup") for name, folder in _SERVERS.items()},
}


def hook_facts() -> frozenset[Fact]:
    paths = {hook.path for hook in HOOKS.values()}
    files = {fact for path in paths for fact in (FileText(path), PathInfo(path), *parent_facts(path))}
    servers = {fact for server in _SERVERS.values() for fact in vscode.installed_facts(server)}
    return frozenset(files | servers | shell_facts())


def hooks_in_use(sheet: FactSheet) -> Iterator[str]:
    yield "profile"
    yield from [name for name in ("bash_profile", "bash_login") if is_there(HOOKS[name].path, sheet)][:1]
    yield from (name for shell, name in _RC_FILES.items() if is_in_use(shell, sheet))
    yield from (name for name, server in _SERVERS.items() if vscode.is_installed(server, sheet))


def seen_hook(hook: Hook, file: FileState) -> Observed | None:
    """The block in a file; nothing of one that no shell reaches."""
    closed = refusal(file)
    if closed is not None:
        return closed
    text = (file.data or b"").decode("utf-8", "surrogateescape")
    try:
        found = hook.codec.members(text).get(BLOCK)
        stays = found is None or hook.codec.edit(text, {BLOCK: found}) == text
    except BlockError as error:
        return Blocked(f"{hook.path}:{error.line}: {error.what}", fix="put the marker lines right, or take them out")
    if found is None:
        return None
    return Seen(fields={"value": found}) if stays else Seen(fields={"value": ""}, notes=(_OUT_OF_REACH,))


def hook_part(hook: Hook, after: Fields | Absent, sheet: FactSheet) -> Part:
    """A file that holds nothing but our block goes with it; the end of a link into dotfiles stays."""
    gone = isinstance(after, Absent)
    is_link = sheet.file(hook.path).state.link is not None
    value = None if gone else hook.text
    edit = FileEdit(path=hook.path, codec=hook.codec, member=BLOCK, value=value, follow=True, ours=not is_link)
    return Part(thing=hook.path, edits=(edit,), needs=() if gone else parent_needs(hook.path, sheet))
