"""Which directives have to be named, since ssh would follow them and we do not."""

from __future__ import annotations

from typing import Final

from reconciler.transports.ssh.config.blocks import Directive
from reconciler.transports.ssh.config.keywords import NAMED
from reconciler.transports.ssh.config.syntax import lowered
from reconciler.transports.ssh.config.values import Remark
from reconciler.transports.ssh.config.walk import Walk

_SAME: Final = {"true": "yes", "false": "no", "off": "no"}


def remarks(walk: Walk, *, is_proxied: bool) -> tuple[Remark, ...]:
    found = dict(walk.remarks)
    for keyword, directive in walk.values.items():
        named = NAMED.get(keyword)
        if not named or not directive.origin or _value(directive) in named.quiet:
            continue
        if _matters(walk, keyword, is_proxied):
            value = " ".join(directive.values)
            found[Remark(keyword=directive.written, value=value, origin=directive.origin)] = None
    return tuple(found)


def _value(directive: Directive) -> str:
    text = lowered(directive.values[0])
    return _SAME.get(text, text)


def _matters(walk: Walk, keyword: str, is_proxied: bool) -> bool:
    """Some directives do something only beside others."""
    canonicalize = _value(walk.values["canonicalizehostname"])
    match keyword:
        case "canonicalizehostname":
            # It looks names up in these domains. Without them it only has the files read twice, as we do too.
            return walk.host.endswith(".") and _canonicalizes(canonicalize, is_proxied)
        case "canonicaldomains" | "canonicalizepermittedcnames":
            return _canonicalizes(canonicalize, is_proxied)
        case "gssapiauthentication":
            # Debian's own file has it. It means nothing to who has no Kerberos, and who has wrote it themselves.
            return keyword in walk.from_user
        case "localcommand":
            return lowered(walk.text("permitlocalcommand") or "no") in ("yes", "true")
        case _:
            return True


def _canonicalizes(value: str, is_proxied: bool) -> bool:
    return value == "always" or (value == "yes" and not is_proxied)
