"""Where documents say that a machine is, for those who reach it by SSH.

Its texts go into the user's own ssh_config, which may hand them to a shell (`ProxyCommand … %h`): only what the schemas
here read is ever a `Remote`, also of a plan that somebody saved.

Source: ssh(1), ssh_config(5); CVE-2023-51385 (OpenSSH, shell characters in host names).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.model.json_object import JsonObject
from reconciler.model.origin_json import origin_from_json, origin_to_json
from reconciler.model.schema import Integer, Text
from reconciler.model.tree import Origin
from reconciler.model.values import Json

_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_IPV6: Final = r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?"
_HOP: Final = rf"(ssh://)?({_NAME}@)?({_NAME}|\[{_IPV6}\])(:[0-9]{{1,5}})?"

HOST: Final = Text(pattern=rf"^({_NAME}|{_IPV6})$", expected="a host name or address, and nothing else", fixed=True)
USER: Final = Text(pattern=rf"^{_NAME}$", expected="a user's name", fixed=True)
PORT: Final = Integer(minimum=1, maximum=65535, expected="a port, 1 to 65535")
IDENTITY_FILE: Final = Text(pattern=r"^(/|~/).", expected="the path of a key, beginning with / or ~/", fixed=True)
PROXY_JUMP: Final = Text(
    pattern=rf"^(?!(false|no|off)$){_HOP}(,{_HOP})*$",
    expected="a host such as ops@jump.example.com:22, several with commas between them, or none",
    fixed=True,
)
CLIENT: Final = Text(choices=("paramiko", "openssh"), expected="paramiko or openssh", fixed=True)

DEFAULT_CLIENT: Final = "paramiko"
NO_JUMP: Final = "none"
_DEFAULT_PORT: Final = 22
_TEXTS: Final[Mapping[str, Text]] = {
    "host": HOST,
    "user": USER,
    "identity_file": IDENTITY_FILE,
    "proxy_jump": PROXY_JUMP,
    "client": CLIENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """How documents say that a machine is reached by SSH. What they leave open is None: the user's ssh_config decides.

    `proxy_jump` is `none` where documents say that there is no jump, whatever ssh_config says. `origin` is the place of
    the `ssh:` that counts most.
    """

    host: str
    user: str | None = None
    port: int | None = None
    identity_file: str | None = None
    proxy_jump: str | None = None
    client: str = DEFAULT_CLIENT
    origin: Origin | None = None

    @property
    def address(self) -> tuple[str, int, str]:
        """The same of two remotes where both lead to one machine, as far as documents tell: behind different jumps one
        private address is two machines."""
        jump = NO_JUMP if self.proxy_jump is None else self.proxy_jump.lower()
        return self.host.lower().rstrip("."), self.port or _DEFAULT_PORT, jump

    def to_json(self) -> Json:
        return {
            "host": self.host,
            "user": self.user,
            "port": self.port,
            "identity_file": self.identity_file,
            "proxy_jump": self.proxy_jump,
            "client": self.client,
            "origin": origin_to_json(self.origin),
        }

    @classmethod
    def from_json(cls, value: Json) -> Remote:
        """The inverse of `to_json`. Raises ValueError for what no document could say."""
        body = JsonObject(value, "a remote")
        for name, schema in _TEXTS.items():
            if body.has(name) and not schema.reads(body.text(name)):
                raise ValueError(f"{name} of a remote is not {schema.expected}")
        if body.has("port") and not PORT.reads(body.number("port")):
            raise ValueError(f"port of a remote is not {PORT.expected}")
        return cls(
            host=body.text("host"),
            user=body.text_or_none("user"),
            port=body.number("port") if body.has("port") else None,
            identity_file=body.text_or_none("identity_file"),
            proxy_jump=body.text_or_none("proxy_jump"),
            client=body.text("client"),
            origin=origin_from_json(body.raw("origin")),
        )


@dataclass(frozen=True, slots=True)
class NoRemote:
    """Why documents name no way to a machine, and what to write."""

    why: str
    fix: str
