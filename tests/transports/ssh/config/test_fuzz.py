"""Configurations nobody would write: `ssh -G` and we still agree on them, and on which are errors.

What is left out is what OpenSSH 9.2 and later releases, which we follow too, understand differently.
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.transports.ssh.config import Destination

HOSTS = ("web", "WEB", "web.example", "other", "10.0.0.1")
PATTERNS = ("web", "w*", "*", "?eb", "other", "!web", "!o*", "*.example", "10.*", "WEB", "web,other", "w**b", "!")
YES_OR_NO = ("yes", "no", "true", "NO", "maybe", "")
NUMBERS = ("0", "1", "22", "+7", "-1", "007", "65535", "65536", "2147483648", "ssh", "x", "1 2", "")
TIMES = ("none", "0", "5", "1m30", "2h", "1W1d", "5x", "m", "1m 30", "-1", "9999999999", "1s2s3")
PATHS = ("none", "~/a", "/b", "c", "'d e'", '"f g"', "h\\ i", "none none", "~/a /b", "NONE")
EXPANDED = ("/x/%h", "/x/%n.%p", "/%r/%u", "/%z", "%", "/%%", "/${SITE}", "/${NONE}", "${", "/$SITE", "%d/%k", "/%C")
JUMPS = (
    "none",
    "gate",
    "a,b",
    "u@a:22,b",
    "[::1]:2",
    "web",
    "web:22",
    "@a",
    "a,",
    "a:0",
    "ssh://u@a:3",
    "ssh://a/b",
    "x#y",
)
COMMANDS = ("none", "nc %h %p", "= x", "it's", "a # b", 'sh -c "x"', "NONE", "x %r")
CRITERIA = (
    *(
        "all",
        "!all",
        "final",
        "canonical",
        "host web",
        "host=w*",
        "!host other",
        "host other,web",
        "user ops",
        "user *",
    ),
    *(
        "!user=ops",
        "originalhost WEB",
        "localuser root",
        "localuser nobody",
        'host "web"',
        "host = web",
        "host",
        "strange",
    ),
    *("exec true", "exec false", "!exec false", 'exec "test %h = web"', "# comment", "HOST WEB", "Final", "host web#"),
)
TEXTS = (
    "ops",
    "'a b'",
    '"a"b',
    "a\\ b",
    '"a',
    "a b",
    "'a'",
    '""',
    "#a",
    "a#b",
    "a #b",
    "=a",
    "a=b",
    "é",
    "a\rb",
    "\\",
    '\\"a\\"',
)

VALUES = {
    "Port": NUMBERS,
    "ServerAliveCountMax": NUMBERS,
    "NumberOfPasswordPrompts": NUMBERS,
    "ConnectionAttempts": NUMBERS,
    "ConnectTimeout": TIMES,
    "ServerAliveInterval": TIMES,
    "User": TEXTS,
    "HostKeyAlias": TEXTS,
    "BindAddress": TEXTS,
    "PreferredAuthentications": TEXTS,
    "IdentityFile": PATHS,
    "CertificateFile": PATHS,
    "UserKnownHostsFile": PATHS + EXPANDED,
    "GlobalKnownHostsFile": PATHS,
    "IdentityAgent": (*EXPANDED, "none", "SSH_AUTH_SOCK", "$OTHER_SOCK", "$", "$a-b", "~/x"),
    "HostName": ("db", "%h.example", "DB%%", "%p", "10.1", "0x7f.1", "::1", "web"),
    "ProxyJump": JUMPS,
    "ProxyCommand": COMMANDS,
    "HashKnownHosts": YES_OR_NO,
    "IdentitiesOnly": YES_OR_NO,
    "BatchMode": YES_OR_NO,
    "PasswordAuthentication": YES_OR_NO,
    "PubkeyAuthentication": (*YES_OR_NO, "unbound", "host-bound"),
    "Compression": YES_OR_NO,
    "AddressFamily": ("any", "inet", "INET6", "4"),
    "StrictHostKeyChecking": (*YES_OR_NO, "ask", "off", "accept-new"),
    "VisualHostKey": YES_OR_NO,
    "CanonicalizeHostname": ("no", "false", "NO"),
    "IgnoreUnknown": ("Foo", "f*", "!foo,*", "Bar"),
    "Foo": ("bar", "", '"'),
    "Bar": ("x y",),
    "Protocol": ("2", "2,1 x"),
    "Host": PATTERNS,
    "Match": CRITERIA,
    "Include": ("{dir}/a", "{dir}/b", "{dir}/[ab]", "{dir}/none", "{dir}/*.no", '""', "{dir}/a {dir}/b", "#"),
}
SEPARATORS = (" ", "\t", "=", " = ", "  ", "= ", " =", "==")


def line(keyword: str) -> st.SearchStrategy[str]:
    most = 3 if keyword in ("Host", "Match") else 1
    values = st.lists(st.sampled_from(VALUES[keyword]), min_size=1, max_size=most).map(" ".join)
    spelling = st.sampled_from(
        (keyword, keyword.lower(), keyword.upper(), f'"{keyword}"', f" {keyword}", f"\t={keyword}")
    )
    separator = st.sampled_from(SEPARATORS[: 2 if keyword == "Match" else None])
    # `ProxyJump none # x` is a host named none to OpenSSH, and none to us.
    end = st.sampled_from(("", "", "", " ", "\r", "\t\f") + (() if keyword == "ProxyJump" else (" # x",)))
    return st.builds("".join, st.tuples(spelling, separator, values, end))


# Errors are common among these, so most lines open a block or set what cannot be wrong.
sane = st.sampled_from(
    (
        "Port 1",
        "Port 2",
        "User ops",
        "User dev",
        "HostName db",
        "HostName WEB",
        "Host *",
        "Host w*",
        "Match all",
        "Match final",
    )
)
lines = st.one_of(sane, sane, st.sampled_from(sorted(VALUES)).flatmap(line))
files = st.lists(lines, max_size=7).map("\n".join)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=files, a=files, b=files, host=st.sampled_from(HOSTS), user=st.sampled_from((None, "root", "ops")))
def test_any_configuration_means_the_same(judge, config: str, a: str, b: str, host: str, user: str | None) -> None:
    judge.agree({"config": config, "a": a, "b": b}, Destination(host=host, user=user))
