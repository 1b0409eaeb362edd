"""With what we can prove who we are, in the order in which ssh tries it.

Source: OpenSSH sshconnect2.c, `pubkey_prepare`; ssh.c, `load_public_identity_files`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reconciler.transports.ssh.agent import Agent, AgentError, AgentKey
from reconciler.transports.ssh.certificates import key_in, parsed
from reconciler.transports.ssh.config.values import Settings
from reconciler.transports.ssh.host_keys import blob_type, shown
from reconciler.transports.ssh.key_files import KeyFile, UnusableKeyError
from reconciler.transports.ssh.openssh_format import public_line
from reconciler.transports.ssh.questions import Questions

_CERTIFICATE_FILE: Final = "-cert.pub"
_LARGEST: Final = 1024 * 1024

Sign = Callable[[bytes, str], bytes]
"""Of data, with an algorithm: the signature as it is sent. UnusableKeyError: it cannot be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """`name` is what messages call it. `is_costly`: signing may ask a person, so it is done only for who would take it."""

    name: str
    blob: bytes
    sign: Sign
    is_costly: bool

    @property
    def type(self) -> str:
        return blob_type(self.blob)


@dataclass(slots=True)
class Choice:
    """What there is for one machine. `left_out` says of each thing that cannot be used why; it grows while `each` runs."""

    _entries: list[_Entry]
    left_out: list[str] = field(default_factory=list)

    def each(self) -> Iterator[Identity]:
        """Opens a key whose public part is in no file only when it is its turn."""
        for entry in self._entries:
            try:
                yield entry.identity()
            except UnusableKeyError as error:
                self.left_out.append(f"{entry.name} {error}")

    @property
    def is_empty(self) -> bool:
        return not self._entries

    @property
    def has_several(self) -> bool:
        return len(self._entries) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A key or certificate from a file, or a key of the agent's. `blob` is what is shown; None: it is the file's."""

    name: str
    blob: bytes | None
    file: KeyFile | None = None
    agent: Agent | None = None
    agent_key: AgentKey | None = None

    def identity(self) -> Identity:
        if self.agent is not None and self.agent_key is not None and self.blob is not None:
            return Identity(name=self.name, blob=self.blob, sign=self._by_agent, is_costly=True)
        if self.file is None:
            raise UnusableKeyError("is a certificate whose key is neither in a file named nor with the agent")
        if self.file.problem:
            raise UnusableKeyError(self.file.problem)
        if self.file.blob is None:
            self.file.unlock()
        blob = self.blob or self.file.blob
        assert blob
        return Identity(name=self.name, blob=blob, sign=self.file.sign, is_costly=self.file.is_locked)

    def _by_agent(self, data: bytes, algorithm: str) -> bytes:
        assert self.agent and self.agent_key
        try:
            return self.agent.sign(self.agent_key.blob, data, algorithm)
        except AgentError as error:
            raise UnusableKeyError(f"was not used: {error}") from None


class Identities:
    """All keys of a run. May be asked from several threads."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._lock = threading.Lock()
        self._files: dict[str, KeyFile] = {}
        self._agents: dict[str, Agent] = {}

    def of(self, settings: Settings) -> Choice:
        left_out: list[str] = []
        agent, held = self._agent_keys(settings, left_out)
        files = self._entries_of_files(settings, left_out)
        listed = {entry.blob for entry in files if entry.blob}
        ours = [_held(key, agent, files) for key in held if key.blob in listed]
        others = [] if settings.identities_only else [_held(key, agent, []) for key in held if key.blob not in listed]
        by_agent = {key.blob for key in held}
        rest = [_signed_by_agent(entry, agent, held) for entry in files if entry.blob not in by_agent]
        return Choice([*ours, *others, *(entry for entry in rest if _is_news(entry, settings))], left_out)

    def close(self) -> None:
        for agent in self._agents.values():
            agent.close()

    def _agent_keys(self, settings: Settings, left_out: list[str]) -> tuple[Agent | None, tuple[AgentKey, ...]]:
        path = settings.identity_agent
        if not path:
            return None, ()
        with self._lock:
            agent = self._agents.setdefault(path, Agent(path))
        try:
            return agent, agent.keys()
        except AgentError as error:
            left_out.append(str(error))
            return None, ()

    def _file(self, path: str) -> KeyFile:
        with self._lock:
            if path not in self._files:
                self._files[path] = KeyFile(path, self._questions)
            return self._files[path]

    def _entries_of_files(self, settings: Settings, left_out: list[str]) -> list[_Entry]:
        """Each key, then the certificate beside it; then the certificates named on their own."""
        entries: list[_Entry] = []
        files = [self._file(path) for path in settings.identity_files]
        for file in files:
            entries.append(_Entry(name=file.name, blob=file.blob, file=file))
            entries += _certificate(file.path + _CERTIFICATE_FILE, [file], [])  # it need not exist
        for path in settings.certificate_files:
            entries += _certificate(path, files, left_out)
        return entries


def _held(key: AgentKey, agent: Agent | None, files: list[_Entry]) -> _Entry:
    name = next((entry.name for entry in files if entry.blob == key.blob), key.comment or blob_type(key.blob))
    return _Entry(name=f"{name} (agent)", blob=key.blob, agent=agent, agent_key=key)


def _signed_by_agent(entry: _Entry, agent: Agent | None, held: tuple[AgentKey, ...]) -> _Entry:
    """A certificate in a file, whose key only the agent has."""
    inner = _inner_key(entry.blob) if entry.blob and (entry.file is None or entry.file.problem) else None
    key = next((key for key in held if key.blob == inner), None)
    return _Entry(name=entry.name, blob=entry.blob, agent=agent, agent_key=key) if key else entry


def _is_news(entry: _Entry, settings: Settings) -> bool:
    """Nobody wonders why a key that nobody named is not used when it does not exist."""
    return not (entry.file and entry.file.is_missing and settings.identity_files_are_defaults and not entry.agent)


def _certificate(path: str, files: list[KeyFile], left_out: list[str]) -> list[_Entry]:
    """With the file of its key, where there is one: else the agent may have it."""
    try:
        with Path(path).open("rb") as file:
            blob = public_line(file.read(_LARGEST))
    except OSError as error:
        left_out.append(f"{shown(path)} cannot be read ({error.strerror})")
        return []
    inner = _inner_key(blob) if blob else None
    if blob is None or inner is None:
        left_out.append(f"{shown(path)} is not a certificate that we can read")
        return []
    key = next((file for file in files if file.blob == inner), None)
    return [_Entry(name=shown(path), blob=blob, file=key)]


def _inner_key(blob: bytes) -> bytes | None:
    """The key in a certificate; None for what is not one."""
    certificate = parsed(blob)
    return key_in(certificate) if certificate else None
