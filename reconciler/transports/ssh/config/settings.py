"""The values of a walk as typed settings, with defaults filled in and everything expanded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.model.errors import Problem, ReconcileError
from reconciler.model.tree import Origin
from reconciler.transports.ssh.config import quantities
from reconciler.transports.ssh.config.blocks import Directive
from reconciler.transports.ssh.config.expansion import expand, expand_home, only, tokens
from reconciler.transports.ssh.config.jumps import is_none, jump_host, parse_jumps
from reconciler.transports.ssh.config.remarks import remarks
from reconciler.transports.ssh.config.syntax import lowered
from reconciler.transports.ssh.config.values import Destination, Local, Settings
from reconciler.transports.ssh.config.walk import DEFAULT_PORT, Walk

DEFAULT_IDENTITIES: Final = tuple(
    Directive("identityfile", (f"~/.ssh/id_{kind}",), None)
    for kind in ("rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk")
)
"""Those that OpenSSH 9.2 and 10.5 both try."""
USER_KNOWN_HOSTS: Final = Directive("userknownhostsfile", ("~/.ssh/known_hosts", "~/.ssh/known_hosts2"), None)
SYSTEM_KNOWN_HOSTS: Final = Directive(
    "globalknownhostsfile", ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"), None
)
_PROXY_TOKENS: Final = "hknpr"
_USER_TOKENS: Final = "Ldhijklnpu"


@dataclass(frozen=True, slots=True)
class Values:
    """Typed looks at a walk."""

    walk: Walk
    tokens: Mapping[str, str]

    @property
    def local(self) -> Local:
        return self.walk.sources.local

    def flag(self, keyword: str, default: bool) -> bool:
        text = self.walk.text(keyword)
        return default if text is None else lowered(text) not in ("no", "false")

    def number(self, keyword: str, default: int) -> int:
        text = self.walk.text(keyword)
        return default if text is None else quantities.integer(text) or 0

    def seconds(self, keyword: str) -> int:
        return quantities.seconds(self.walk.text(keyword) or "0") or 0

    def path(self, text: str, origin: Origin | None) -> str:
        return expand(expand_home(text, self.local, origin), self.tokens, origin, self.local.environment)

    def files(self, keyword: str) -> tuple[str, ...]:
        """Those of a keyword that collects, each once. The user's file and the system's may name the same."""
        named = [directive for (name, _, _), directive in self.walk.named_files.items() if name == keyword]
        return self.paths(*(directive for directive in named if lowered(directive.values[0]) != "none"))

    def paths(self, *directives: Directive) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(self.path(text, directive.origin) for directive in directives for text in directive.values)
        )

    def known_hosts(self, default: Directive) -> Directive:
        directive = self.walk.values.get(default.keyword, default)
        is_nothing = lowered(directive.values[0]) == "none"
        return Directive(default.keyword, (), None) if is_nothing else directive

    def agent(self) -> str | None:
        """The agent's socket."""
        environment = self.local.environment
        directive = self.walk.values.get("identityagent")
        text = "SSH_AUTH_SOCK" if directive is None else self.path(directive.values[0], directive.origin)
        if text == "none":
            return None
        if text == "SSH_AUTH_SOCK" or text.startswith("$"):
            return environment.get(text.removeprefix("$")) or None
        return text


def settings(walk: Walk, destination: Destination) -> Settings:
    port = destination.port or quantities.port(walk.text("port") or "") or DEFAULT_PORT
    values, user, key_alias = _known(walk, port, destination)
    identities = values.files("identityfile")
    is_named = any(keyword == "identityfile" for keyword, _, _ in walk.named_files)
    jump, command = _proxy(values, port, user, destination)
    attempts = values.number("connectionattempts", 1)
    if not attempts:
        raise ReconcileError([Problem("ConnectionAttempts is 0", walk.values["connectionattempts"].origin)])
    return Settings(
        label=destination.host,
        alias=destination.host,
        hostname=walk.host,
        port=port,
        user=user,
        identity_files=identities if is_named else values.paths(*DEFAULT_IDENTITIES),
        identity_files_are_defaults=not is_named,
        identities_only=values.flag("identitiesonly", False),
        identity_agent=values.agent(),
        certificate_files=values.files("certificatefile"),
        user_known_hosts_files=values.paths(values.known_hosts(USER_KNOWN_HOSTS)),
        global_known_hosts_files=tuple(
            expand_home(path, values.local, None) for path in values.known_hosts(SYSTEM_KNOWN_HOSTS).values
        ),
        host_key_alias=key_alias,
        hash_known_hosts=values.flag("hashknownhosts", False),
        proxy_jump=jump,
        proxy_command=command,
        address_family=lowered(walk.text("addressfamily") or "any"),
        bind_address=walk.text("bindaddress"),
        connect_timeout_seconds=values.seconds("connecttimeout") or None,
        connection_attempts=attempts,
        tcp_keep_alive=values.flag("tcpkeepalive", True),
        server_alive_interval_seconds=values.seconds("serveraliveinterval"),
        server_alive_count_max=values.number("serveralivecountmax", 3),
        compression=values.flag("compression", False),
        ciphers=walk.text("ciphers"),
        macs=walk.text("macs"),
        kex_algorithms=walk.text("kexalgorithms"),
        host_key_algorithms=walk.text("hostkeyalgorithms"),
        pubkey_accepted_algorithms=walk.text("pubkeyacceptedalgorithms"),
        preferred_authentications=walk.text("preferredauthentications"),
        pubkey_authentication=values.flag("pubkeyauthentication", True),
        password_authentication=values.flag("passwordauthentication", True),
        kbd_interactive_authentication=values.flag("kbdinteractiveauthentication", True),
        number_of_password_prompts=values.number("numberofpasswordprompts", 3),
        batch_mode=values.flag("batchmode", False),
        remarks=remarks(walk, is_proxied=bool(jump or command)),
    )


def _known(walk: Walk, port: int, destination: Destination) -> tuple[Values, str, str | None]:
    """The values with their tokens, the user, and the alias of the host's key."""
    local = walk.sources.local
    alias = walk.text("hostkeyalias")
    key_alias = None if alias is None else lowered(alias)

    def known(user: str) -> Mapping[str, str]:
        return tokens(
            local,
            alias=destination.host,
            hostname=walk.host,
            port=port,
            user=user,
            key_alias=key_alias,
            jump=jump_host(walk.text("proxyjump")),
        )

    written = walk.values.get("user")
    user = local.user if written is None else written.values[0]
    if written is not None and destination.user is None:
        user = expand(user, only(known(user), _USER_TOKENS), written.origin, local.environment)
    return Values(walk, known(user)), user, key_alias


def _proxy(values: Values, port: int, user: str, destination: Destination) -> tuple[Destination | None, str | None]:
    """The hop before this one, or the command to talk through; a hop comes with the hops before it."""
    walk = values.walk
    few = only(values.tokens, _PROXY_TOKENS)
    written = walk.values.get("proxyjump")
    jumps = None if written is None or is_none(written.values[0]) else parse_jumps(written.values[0])
    if jumps is None or written is None:
        command = walk.values.get("proxycommand")
        if command is None or lowered(command.values[0]) == "none":
            return None, None
        return None, expand(command.values[0], few, command.origin)
    hop = Destination(
        host=expand(jumps.last.host, few, written.origin),
        user=None if jumps.last.user is None else expand(jumps.last.user, few, written.origin),
        port=jumps.last.port,
        proxy_jump=None if jumps.before is None else expand(jumps.before, few, written.origin),
        origin=written.origin,
    )
    if (hop.host, hop.port or DEFAULT_PORT, hop.user or user) == (walk.host, port, user):
        what = f"ProxyJump leads from {hop.host} to itself"
        raise ReconcileError(
            [Problem(what, written.origin, fix=f"above it write  Host {destination.host}  with  ProxyJump none")]
        )
    return hop, None
