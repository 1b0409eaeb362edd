"""What goes into the resolution, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.errors import Problem
from reconciler.model.tree import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """What documents and the command line say of a machine; it wins over the files as ssh's own options do.

    What they leave open is None. `proxy_jump` is as ProxyJump takes it. `origin` is where the machine is declared.
    """

    host: str
    user: str | None = None
    port: int | None = None
    identity_file: str | None = None
    proxy_jump: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFiles:
    """Absolute paths; a file need not exist. None: there is none."""

    user: str | None
    system: str | None = "/etc/ssh/ssh_config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What the files may ask about this machine, and about the person in whose name we connect."""

    user: str
    uid: int
    gid: int
    home: str
    hostname: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A directive that ssh would follow and we do not. Equal for every destination it counts for: name each once."""

    keyword: str
    value: str
    origin: Origin

    @property
    def problem(self) -> Problem:
        what = f"{self.keyword} {self.value} is not honoured".replace("  ", " ")
        if self.keyword.lower() == "stricthostkeychecking":
            return Problem(what, self.origin, fix="host keys are always checked; add one with  reconcile trust HOST")
        return Problem(what, self.origin, fix="where it matters, write  ssh: {client: openssh}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What counts for one destination. Paths are absolute and expanded, so are commands; times are in seconds.

    `label` is what messages call it: `alias`, which is how ssh was told of it, unless somebody knows a better name.
    `hostname` is what is connected to and looked up in known hosts, unless there is a `host_key_alias`.
    `identity_files_are_defaults`: nobody named them, so it is no news when they do not exist.
    `identity_agent` is the socket of the agent to ask. `proxy_jump` is the last hop, which knows those before it.
    `connect_timeout_seconds` is None for as long as it takes; `server_alive_interval_seconds` is 0 for never.
    The algorithms are as written: a list with commas, or one that starts with `+`, `-` or `^`.
    """

    label: str
    alias: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[str, ...]
    identity_files_are_defaults: bool
    identities_only: bool
    identity_agent: str | None
    certificate_files: tuple[str, ...]
    user_known_hosts_files: tuple[str, ...]
    global_known_hosts_files: tuple[str, ...]
    host_key_alias: str | None
    hash_known_hosts: bool
    proxy_jump: Destination | None
    proxy_command: str | None
    address_family: str
    bind_address: str | None
    connect_timeout_seconds: int | None
    connection_attempts: int
    tcp_keep_alive: bool
    server_alive_interval_seconds: int
    server_alive_count_max: int
    compression: bool
    ciphers: str | None
    macs: str | None
    kex_algorithms: str | None
    host_key_algorithms: str | None
    pubkey_accepted_algorithms: str | None
    preferred_authentications: str | None
    pubkey_authentication: bool
    password_authentication: bool
    kbd_interactive_authentication: bool
    number_of_password_prompts: int
    batch_mode: bool
    remarks: tuple[Remark, ...]
