"""Every keyword of ssh_config(5), and what becomes of it here: honoured, without effect on what we do, or named.

The keywords of OpenSSH 9.2 to 10.5, and Debian's own. A test holds this against the manual.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.transports.ssh.config.forms import (
    COMMAND,
    FLAG,
    INTEGER,
    JUMPS,
    LIST,
    PORT,
    TEXT,
    TIME,
    UNCHECKED,
    Form,
    choice,
)

HONOURED: Final[Mapping[str, Form]] = {
    "addressfamily": choice("any", "inet", "inet6"),
    "batchmode": FLAG,
    "bindaddress": TEXT,
    "certificatefile": TEXT,
    "ciphers": TEXT,
    "compression": choice("yes", "no"),
    "connectionattempts": INTEGER,
    "connecttimeout": TIME,
    "globalknownhostsfile": LIST,
    "hashknownhosts": FLAG,
    "hostkeyalgorithms": TEXT,
    "hostkeyalias": TEXT,
    "hostname": TEXT,
    "identitiesonly": FLAG,
    "identityagent": TEXT,
    "identityfile": TEXT,
    "ignoreunknown": TEXT,
    "kbdinteractiveauthentication": FLAG,
    "kexalgorithms": TEXT,
    "macs": TEXT,
    "numberofpasswordprompts": INTEGER,
    "passwordauthentication": FLAG,
    "permitlocalcommand": FLAG,
    "port": PORT,
    "preferredauthentications": TEXT,
    "proxycommand": COMMAND,
    "proxyjump": JUMPS,
    "pubkeyacceptedalgorithms": TEXT,
    "pubkeyauthentication": choice("yes", "no", "unbound", "host-bound", "true", "false"),
    "refuseconnection": TEXT,
    "serveralivecountmax": INTEGER,
    "serveraliveinterval": TIME,
    "tag": TEXT,
    "tcpkeepalive": FLAG,
    "user": TEXT,
    "userknownhostsfile": LIST,
}
"""PermitLocalCommand only so far as it decides whether a LocalCommand is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmless:
    """What makes no difference to one script that runs without a terminal, and `why`."""

    form: Form
    why: str


_FOR_PEOPLE: Final = "for people at a terminal; there is none"
_SHOWN: Final = "says how much ssh tells, and where"
_SHARED: Final = "we hold one connection of our own"
_LOCAL_ENDS: Final = "opens doors on this machine for other programs"
_BESIDE: Final = "says how something works that has to be asked for by another keyword, which is named"
_OUR_OWN: Final = "our script runs as it is, whatever ssh would start otherwise"
_CLEANED: Final = "our script runs in an environment of its own"

HARMLESS: Final[Mapping[str, Harmless]] = {
    "addkeystoagent": Harmless(form=UNCHECKED, why="saves typing next time; we ask once in a run"),
    "canonicalizefallbacklocal": Harmless(form=FLAG, why=_BESIDE),
    "canonicalizemaxdots": Harmless(form=INTEGER, why=_BESIDE),
    "clearallforwardings": Harmless(form=FLAG, why="there are none to clear"),
    "controlmaster": Harmless(form=choice("yes", "no", "true", "false", "ask", "auto", "autoask"), why=_SHARED),
    "controlpath": Harmless(form=TEXT, why=_SHARED),
    "controlpersist": Harmless(form=UNCHECKED, why=_SHARED),
    "dynamicforward": Harmless(form=UNCHECKED, why=_LOCAL_ENDS),
    "enableescapecommandline": Harmless(form=FLAG, why=_FOR_PEOPLE),
    "enablesshkeysign": Harmless(form=FLAG, why=_BESIDE),
    "escapechar": Harmless(form=UNCHECKED, why=_FOR_PEOPLE),
    "exitonforwardfailure": Harmless(form=FLAG, why=_BESIDE),
    "fingerprinthash": Harmless(form=UNCHECKED, why=_SHOWN),
    "forkafterauthentication": Harmless(form=FLAG, why=_OUR_OWN),
    "forwardx11": Harmless(form=FLAG, why="our script opens no window"),
    "forwardx11timeout": Harmless(form=TIME, why="our script opens no window"),
    "forwardx11trusted": Harmless(form=FLAG, why="our script opens no window"),
    "gatewayports": Harmless(form=FLAG, why=_LOCAL_ENDS),
    "gssapiclientidentity": Harmless(form=TEXT, why=_BESIDE),
    "gssapidelegatecredentials": Harmless(form=FLAG, why=_BESIDE),
    "gssapikexalgorithms": Harmless(form=UNCHECKED, why=_BESIDE),
    "gssapirenewalforcesrekey": Harmless(form=FLAG, why=_BESIDE),
    "gssapiserveridentity": Harmless(form=TEXT, why=_BESIDE),
    "gssapitrustdns": Harmless(form=FLAG, why=_BESIDE),
    "hostbasedacceptedalgorithms": Harmless(form=UNCHECKED, why=_BESIDE),
    "ipqos": Harmless(form=UNCHECKED, why="marks packets for the network in between"),
    "localforward": Harmless(form=UNCHECKED, why=_LOCAL_ENDS),
    "loglevel": Harmless(form=UNCHECKED, why=_SHOWN),
    "logverbose": Harmless(form=LIST, why=_SHOWN),
    "obscurekeystroketiming": Harmless(form=UNCHECKED, why=_FOR_PEOPLE),
    "permitremoteopen": Harmless(form=UNCHECKED, why=_BESIDE),
    "rekeylimit": Harmless(form=UNCHECKED, why="keys are renewed anyway, at limits of our own"),
    "remotecommand": Harmless(form=COMMAND, why=_OUR_OWN),
    "requesttty": Harmless(form=choice("yes", "no", "true", "false", "force", "auto"), why=_FOR_PEOPLE),
    "sendenv": Harmless(form=UNCHECKED, why=_CLEANED),
    "sessiontype": Harmless(form=choice("none", "subsystem", "default"), why=_OUR_OWN),
    "setenv": Harmless(form=UNCHECKED, why=_CLEANED),
    "stdinnull": Harmless(form=FLAG, why=_OUR_OWN),
    "streamlocalbindmask": Harmless(form=UNCHECKED, why=_LOCAL_ENDS),
    "streamlocalbindunlink": Harmless(form=FLAG, why=_LOCAL_ENDS),
    "syslogfacility": Harmless(form=UNCHECKED, why=_SHOWN),
    "tunneldevice": Harmless(form=UNCHECKED, why=_BESIDE),
    "updatehostkeys": Harmless(
        form=choice("yes", "no", "true", "false", "ask"), why="we never learn host keys silently"
    ),
    "versionaddendum": Harmless(form=UNCHECKED, why="greets the server with more words"),
    "visualhostkey": Harmless(form=FLAG, why=_FOR_PEOPLE),
    "warnweakcrypto": Harmless(form=choice("yes", "no", "true", "false", "no-pq-kex"), why=_SHOWN),
    "xauthlocation": Harmless(form=TEXT, why="our script opens no window"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What ssh would do and we do not. `quiet` values are what we do anyway."""

    form: Form
    quiet: frozenset[str] = frozenset({"no"})


_ASK: Final = choice("yes", "no", "true", "false", "ask")
_NONE: Final = frozenset({"none"})

NAMED: Final[Mapping[str, Named]] = {
    "bindinterface": Named(form=TEXT, quiet=frozenset()),
    "canonicaldomains": Named(form=LIST, quiet=_NONE),
    "canonicalizehostname": Named(form=choice("yes", "no", "true", "false", "always")),
    "canonicalizepermittedcnames": Named(form=LIST, quiet=_NONE),
    "casignaturealgorithms": Named(form=TEXT, quiet=frozenset()),
    "channeltimeout": Named(form=LIST, quiet=_NONE),
    "checkhostip": Named(form=FLAG),
    "forwardagent": Named(form=TEXT),
    "gssapiauthentication": Named(form=FLAG),
    "gssapikeyexchange": Named(form=FLAG),
    "hostbasedauthentication": Named(form=FLAG),
    "kbdinteractivedevices": Named(form=TEXT, quiet=frozenset()),
    "knownhostscommand": Named(form=COMMAND, quiet=_NONE),
    "localcommand": Named(form=COMMAND, quiet=_NONE),
    "nohostauthenticationforlocalhost": Named(form=FLAG),
    "pkcs11provider": Named(form=TEXT, quiet=_NONE),
    "proxyusefdpass": Named(form=FLAG),
    "remoteforward": Named(form=UNCHECKED, quiet=frozenset()),
    "requiredrsasize": Named(form=INTEGER, quiet=frozenset({"1024"})),
    "revokedhostkeys": Named(form=LIST, quiet=_NONE),
    "securitykeyprovider": Named(form=TEXT, quiet=frozenset({"none", "internal"})),
    "stricthostkeychecking": Named(
        form=choice("yes", "no", "true", "false", "ask", "off", "accept-new"), quiet=frozenset({"yes", "ask"})
    ),
    "tunnel": Named(form=choice("yes", "no", "true", "false", "ethernet", "point-to-point")),
    "verifyhostkeydns": Named(form=_ASK),
}

FORMS: Final[Mapping[str, Form]] = {
    **HONOURED,
    **{keyword: harmless.form for keyword, harmless in HARMLESS.items()},
    **{keyword: named.form for keyword, named in NAMED.items()},
}

ALIASES: Final[Mapping[str, str]] = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "dsaauthentication": "pubkeyauthentication",
    "hostbasedkeytypes": "hostbasedacceptedalgorithms",
    "identityfile2": "identityfile",
    "keepalive": "tcpkeepalive",
    "protocolkeepalives": "serveraliveinterval",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
    "setuptimeout": "serveraliveinterval",
    "skeyauthentication": "kbdinteractiveauthentication",
    "smartcarddevice": "pkcs11provider",
    "tisauthentication": "kbdinteractiveauthentication",
}
"""Older names, and two of Debian's."""

WITHOUT_MEANING: Final = frozenset(
    {
        "afstokenpassing",
        "cipher",
        "compressionlevel",
        "fallbacktorsh",
        "globalknownhostsfile2",
        "kerberosauthentication",
        "kerberostgtpassing",
        "protocol",
        "rhostsauthentication",
        "rhostsrsaauthentication",
        "rsaauthentication",
        "useblacklistedkeys",
        "userknownhostsfile2",
        "useprivilegedport",
        "useroaming",
        "usersh",
    }
)
"""OpenSSH knows the words and passes over them, whatever follows."""
