"""Every configuration here means to us what it means to the `ssh -G` of this machine, errors included."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from reconciler.transports.ssh.config import ConfigFiles, Destination, SshConfig

GIVEN = {
    "user given": Destination(host="web", user="ops"),
    "port given": Destination(host="web", port=2200),
    "jump given": Destination(host="web", proxy_jump="ops@gate:2222,inner"),
    "no jump given": Destination(host="web", proxy_jump="none"),
    "capital host": Destination(host="WEB"),
    "long host": Destination(host="web.example.org"),
    "address": Destination(host="127.1"),
    "address with a zone": Destination(host="fe80::1%lo"),
    "address of version 6": Destination(host="0:0:0::1"),
}

CONFIGS = {
    # What a line is.
    "nothing": "",
    "no line end": "Port 2222",
    "windows line ends": "Host web\r\n\tPort 2222\r\n\tUser ops\r\n",
    "keywords without case": "hOsT web\n pOrT 2222\n",
    "equals sign": "Port=2222\nUser = ops\nIdentityFile= ~/.ssh/a\n",
    "two equals signs": "Port==2222\n",
    "leading equals sign": "= Port 2222\n",
    "tabs and form feed": "\tPort\t2222\t\f\n",
    "comments": "# one\n   # two\nPort 2222 # three\nUser ops#four\n",
    "quotes": 'User "two words"\nHostKeyAlias \'single\'\nBindAddress half"way"\n',
    "escapes": 'User a\\ b\nHostKeyAlias "a\\"b"\nIdentityFile a\\\\b\nBindAddress a\\b\n',
    "open quote": 'User "ops\n',
    "open quote in a keyword": '"User ops\nPort 2222\n',
    "quoted keyword": '"User" ops\n',
    "keyword alone": "User\n",
    "too much": "Port 22 23\n",
    "unknown keyword": "Colour blue\n",
    "unknown keyword elsewhere": "Host other\n Colour blue\n",
    "ignored unknown keyword": "IgnoreUnknown Col*,!colder\nColour blue green\n",
    "ignored too late": "Colour blue\nIgnoreUnknown Colour\n",
    "ignored elsewhere": "Host other\n IgnoreUnknown Colour\nHost *\n Colour blue\n",
    "deprecated keywords": "Protocol 2,1\nUseRoaming no\nRSAAuthentication yes\nUsePrivilegedPort maybe\n",
    "older names": "PubkeyAcceptedKeyTypes ssh-ed25519\nChallengeResponseAuthentication no\nKeepAlive no\n",
    "long line": "User ops\n# " + "x" * 200_000 + "\nHost " + "a " * 50_000 + "web\n Port 2222\n",
    "null byte": b"Port 2222\0 23\nUser ops\n".decode(),
    "bytes that are no text": "User n\udcff\n",
    # Whose a block is.
    "first value wins": "Port 1\nPort 2\nHost web\n Port 3\n",
    "patterns": "Host w?b x*\n Port 1\nHost *\n Port 2\n User all\n",
    "negated pattern": "Host * !web\n Port 1\nHost !other w*\n Port 2\n",
    "only negated": "Host !other\n Port 1\n",
    "case of hosts": "Host web\n Port 1\nHost WEB\n Port 2\n",
    "stars in a row": "Host " + "*e" * 30 + "\n Port 1\nHost w**b\n Port 2\n",
    "host without patterns": "Host #none\n Port 1\n",
    "host with an empty pattern": 'Host "" web\n Port 1\n',
    "match all": "Match all\n Port 1\n",
    "match not all": "Match !all\n Port 1\n",
    "match host": "Match host w*,x\n Port 1\nMatch host !web,*\n Port 2\n User ops\n",
    "match host by its hostname": "Host web\n HostName db.example\nMatch host *.example\n Port 2\nMatch host web\n Port 3\n",
    "match original host": "HostName db\nMatch originalhost web\n Port 2\nMatch host db originalhost web\n User x\n",
    "match in capitals": "MATCH HOST WEB\n Port 2\nMatch originalhost Web USER root\n User x\n",
    "match user": "User ops\nMatch user ops,dev\n Port 1\nMatch user root\n Port 2\n",
    "match user before it is set": "Match user ops\n Port 1\nMatch all\n User ops\nMatch user ops\n Port 2\n",
    "match local user": "Match localuser root\n Port 1\nMatch localuser nobody\n Port 2\n",
    "match negated": "Match !host other user *\n Port 1\nMatch !user *\n Port 2\n",
    "match with equals signs": "Match host=web user=*\n Port 1\n",
    "match with spaced equals signs": "Match host = web user = *\n Port 1\n",
    "match with quotes": 'Match host "web,other"\n Port 1\n',
    "match with a comment": "Match host web # and no other\n Port 1\n",
    "match without criteria": "Match # none\n Port 1\n",
    "match without a value": "Match host\n",
    "match of a strange kind": "Match weather rainy\n Port 1\n",
    "match all with others": "Match all host web\n Port 1\n",
    "match all behind others": "Match host web all\n Port 1\nMatch user x host y all\n User x\n",
    "match exec": 'Match exec "test %h = web"\n Port 1\nMatch exec false\n Port 2\n User x\n',
    "match not exec": "Match !exec false host web\n Port 1\n",
    "match exec with tokens": (
        "Port 7\nUser ops\nHostKeyAlias key\nHostName db\n"
        "Match exec \"echo %n %h %p %r %u %i %k %d %% | grep -q '^web db 7 ops'\"\n HashKnownHosts yes\n"
        'Match exec "test $(hostname) = %l && test $(hostname | cut -d. -f1) = %L"\n Compression yes\n'
    ),
    "match exec only where all else holds": 'Match host nobody exec "touch {dir}/ran"\n Port 1\n',
    "match final": "Match final host web\n Port 1\nMatch host web\n User ops\n",
    "match canonical alone": "Match canonical\n Port 1\n",
    "match canonical beside final": "Match canonical\n Port 1\nMatch final\n User ops\n",
    "match final all": "Match final all\n Port 1\n",
    "match final after the name": "Host db\n Port 5\nHost web\n HostName DB\nMatch final\n User ops\n",
    "final pass sets no name": "Match final\n HostName other\nMatch host other\n Port 3\n",
    "identities of both passes": "IdentityFile a\nMatch final\n IdentityFile b\n",
    "canonicalize without domains": "CanonicalizeHostname yes\nMatch canonical\n Port 1\n",
    "canonicalize too late": "Match final\n CanonicalizeHostname yes\n Port 1\n",
    # What values are.
    "host name with tokens": "HostName %h.example.ORG\n",
    "host name with percents": "HostName a%%b%h\n",
    "host name with a strange token": "HostName %p\n",
    "port by service": "Port ssh\n",
    "port with a sign": "Port +22\n",
    "port 0": "Port 0\n",
    "port too large": "Port 65536\n",
    "port of letters": "Host other\n Port many\n",
    "times": "ConnectTimeout 1m30\nServerAliveInterval 2m\n",
    "times in capitals": "ConnectTimeout 1H1S\nServerAliveInterval 1D\n",
    "time none": "ConnectTimeout none\nConnectTimeout 5\n",
    "time zero": "ConnectTimeout 0\nConnectTimeout 5\n",
    "time of another unit": "ConnectTimeout 5y\n",
    "time below zero": "ConnectTimeout -5\n",
    "time too long": "ConnectTimeout 5000w\n",
    "time without a number": "ConnectTimeout m\n",
    "time with nothing between": "ServerAliveInterval 1m 30\n",
    "counts": "ServerAliveCountMax 7\nNumberOfPasswordPrompts 1\nConnectionAttempts 3\n",
    "count of letters": "ServerAliveCountMax few\n",
    "count too large": "ServerAliveCountMax 2147483648\n",
    "no attempts": "ConnectionAttempts 0\n",
    "no attempts elsewhere": "Host other\n ConnectionAttempts 0\n",
    "identities add up": "IdentityFile ~/.ssh/a\nHost web\n IdentityFile ~/.ssh/b\n IdentityFile ~/.ssh/a\n",
    "identity none": "IdentityFile none\n",
    "identity none beside others": "IdentityFile none\nIdentityFile ~/.ssh/a\n",
    "identities only": "IdentitiesOnly yes\nIdentitiesOnly no\n",
    "101 identities": "".join(f"IdentityFile id{number}\n" for number in range(101)),
    "100 identities": "".join(f"IdentityFile id{number}\n" for number in range(100)),
    "certificates": "CertificateFile ~/.ssh/a-cert.pub\nCertificateFile ~/.ssh/b-cert.pub\n",
    "agent none": "IdentityAgent none\n",
    "agent by path": "IdentityAgent ~/.agent/%r@%h:%p\n",
    "agent of the environment": "IdentityAgent SSH_AUTH_SOCK\n",
    "agent by variable": "IdentityAgent $OTHER_SOCK\n",
    "agent by unset variable": "IdentityAgent $NO_SUCH_SOCK\n",
    "agent by name in braces": "IdentityAgent /run/${SITE}/agent\n",
    "agent by unset name in braces": "Host other\n IdentityAgent ${NO_SUCH_SOCK}\n",
    "agent by half a name": "IdentityAgent ${SITE\n",
    "agent by no name": "IdentityAgent $a-b\n",
    "known hosts": "UserKnownHostsFile ~/a /b%%c ~/%h.%k\nGlobalKnownHostsFile /c ~/d\n",
    "known hosts with all tokens": "Port 7\nUser o\nUserKnownHostsFile /x/%C/%d/%h/%i/%k/%L/%l/%n/%p/%r/%u/%%\n",
    "known hosts with a strange token": "UserKnownHostsFile /x/%z\n",
    "known hosts with half a token": "UserKnownHostsFile /x/%\n",
    "known hosts with a variable": "UserKnownHostsFile /x/${SITE}/$SITE\n",
    "known hosts with an unset variable": "UserKnownHostsFile /x/${NO_SUCH_SITE}\n",
    "known hosts none": "UserKnownHostsFile none\nGlobalKnownHostsFile NONE\n",
    "known hosts none beside others": "UserKnownHostsFile none a\n",
    "known hosts of somebody": "UserKnownHostsFile ~root/x ~root\n",
    "known hosts of nobody": "UserKnownHostsFile ~nosuchuser/x\n",
    "host key alias": "HostKeyAlias KEY.example\nUserKnownHostsFile /x/%k\n",
    "hashed known hosts": "HashKnownHosts TRUE\n",
    "strange flag": "HashKnownHosts maybe\n",
    "compression is no flag": "Compression true\n",
    "compression": "Compression YES\n",
    "families": "AddressFamily INET6\n",
    "family by number": "AddressFamily 4\n",
    "authentications": "PreferredAuthentications publickey,password\nPasswordAuthentication no\nPubkeyAuthentication host-bound\n",
    "no public keys": "PubkeyAuthentication no\nKbdInteractiveAuthentication no\nBatchMode yes\n",
    "algorithms": (
        "Ciphers aes256-ctr,aes128-ctr\nMACs hmac-sha2-256\nKexAlgorithms curve25519-sha256\n"
        "HostKeyAlgorithms ssh-ed25519\nPubkeyAcceptedAlgorithms rsa-sha2-256\n"
    ),
    "algorithms added": "Ciphers +aes128-cbc\nMACs -hmac-sha1\nKexAlgorithms ^curve25519-sha256\n",
    # Proxies.
    "jump": "ProxyJump gate\n",
    "jump chain": "ProxyJump ops@gate:2222,inner\n",
    "jump addresses": "ProxyJump a@[::1]:22,10.0.0.1:2200\n",
    "jump by address": "ProxyJump ssh://o%40p@gate:2222\n",
    "jump with a path": "ProxyJump ssh://gate/path\n",
    "jump none": "Host web\n ProxyJump NONE\nHost *\n ProxyJump gate\n",
    "jump then command": "ProxyJump gate\nProxyCommand nc %h %p\n",
    "command then jump": "ProxyCommand nc %h %p\nProxyJump gate\n",
    "no jump then command": "ProxyJump none\nProxyCommand nc %h %p\n",
    "no command then jump": "ProxyCommand none\nProxyJump gate\n",
    "command": "Port 7\nUser ops\nProxyCommand = /bin/nc  -X '5' %h %p # %r %n %%\n",
    "command with an open quote": "ProxyCommand echo it's\n",
    "command with a strange token": "ProxyJump none\nProxyCommand nc %h %p\nHostName %%x\n",
    "jump to itself": "ProxyJump web\n",
    "jump to itself as somebody": "ProxyJump ops@web\n",
    "jump to itself by its hostname": "HostName gate\nProxyJump gate\n",
    "jump nowhere": "ProxyJump gate,,inner\n",
    "jump without a user": "ProxyJump @gate\n",
    "jump to port 0": "ProxyJump gate:0\n",
    "jump without a port": "ProxyJump gate:\n",
    "jump to a path": "ProxyJump gate/x\n",
    "jump to half an address": "Host other\n ProxyJump [::1\n",
    "jump with a comment": "ProxyJump gate,inner # the way in\n",
    # Everything else is checked as well.
    "harmless": "VisualHostKey yes\nLogLevel DEBUG\nForwardX11 yes\nSendEnv LANG LC_*\nControlMaster auto\nControlPath ~/x\n",
    "harmless and wrong": "Host other\n VisualHostKey perhaps\n",
    "named": "ForwardAgent yes\nTunnel no\nVerifyHostKeyDNS ask\nStrictHostKeyChecking accept-new\n",
    "named and wrong": "StrictHostKeyChecking never\n",
    "forwarded agent": "ForwardAgent ${NO_SUCH_SOCK}\n",
}

INCLUDES: dict[str, dict[str, str]] = {
    "include": {"config": "Include {dir}/one\nPort 2\n", "one": "Port 1\n"},
    "include of nothing": {"config": "Include {dir}/none {dir}/no*\nPort 2\n"},
    "include without a path": {"config": "Include #\nPort 2\n"},
    "include of an empty path": {"config": 'Include ""\nPort 2\n'},
    "include of several": {"config": "Include {dir}/b {dir}/a\n", "a": "Port 1\n", "b": "Port 2\n"},
    "include by a glob": {
        "config": "Include {dir}/conf.d/*.conf\n",
        "conf.d/B.conf": "Port 2\n",
        "conf.d/a.conf": "Port 1\nUser a\n",
        "conf.d/.hidden.conf": "User hidden\n",
        "conf.d/c.txt": "Compression yes\n",
    },
    "include by a set": {"config": "Include {dir}/[!a]x\n", "ax": "Port 1\n", "bx": "User b\n"},
    "include by an escaped star": {"config": "Include {dir}/\\\\*x\n", "*x": "Port 1\n", "ax": "User a\n"},
    "include with a space": {"config": 'Include "{dir}/a b"\n', "a b": "Port 1\n"},
    "include inside a host": {
        "config": "Host other\n Include {dir}/one\n User x\nHost web\n Include {dir}/one\n User y\n",
        "one": "Port 1\n",
    },
    "include inside another's host": {"config": "Host other\n Include {dir}/one\n", "one": "Port 1\nHost *\n User x\n"},
    "include inside a match": {"config": "Match user x\n Include {dir}/one\nMatch all\n Port 2\n", "one": "Port 1\n"},
    "hosts do not leak out": {"config": "Include {dir}/one\nPort 2\n", "one": "Host other\n Port 1\n"},
    "hosts do not leak out of a host": {
        "config": "Host web\n Include {dir}/one\n Port 2\nUser x\n",
        "one": "Host other\n Port 1\n",
    },
    "hosts do not leak into the next": {
        "config": "Include {dir}/one {dir}/two\n",
        "one": "Host other\n User x\n",
        "two": "Port 3\n",
    },
    "nested include": {
        "config": "Host w*\n Include {dir}/a\n",
        "a": "Match host web\n Include {dir}/b\n Port 2\n",
        "b": "Host *b\n Include {dir}/c\n",
        "c": "Port 3\n",
    },
    "nested include in another's": {
        "config": "Host x\n Include {dir}/a\n",
        "a": "Include {dir}/b\n",
        "b": "Match all\n Port 2\n",
    },
    "final in an include of another's": {
        "config": "Host x\n Include {dir}/a\nMatch canonical\n Port 5\n",
        "a": "Match final\n User y\n",
    },
    "include of itself": {"config": "Include {dir}/config\n"},
    "include in circles": {"config": "Include {dir}/a\n", "a": "Host x\n Include {dir}/config\n"},
    "16 deep": {"config": "Include {dir}/0\n"}
    | {str(n): f"Include {{dir}}/{n + 1}\n" for n in range(15)}
    | {"15": "Port 5\n"},
    "17 deep": {"config": "Include {dir}/0\n"}
    | {str(n): f"Include {{dir}}/{n + 1}\n" for n in range(16)}
    | {"16": "Port 5\n"},
    "error in an include": {"config": "Include {dir}/a\nPort 5\n", "a": "Port 1\nFoo bar\n"},
    "error in an include of another's": {"config": "Host x\n Include {dir}/a\n", "a": "Port no\n"},
    "unknown ignored in an include": {"config": "IgnoreUnknown Foo\nInclude {dir}/a\n", "a": "Foo bar\nPort 1\n"},
    "ignored by an include": {"config": "Include {dir}/a\nFoo bar\n", "a": "IgnoreUnknown Foo\n"},
    "identities of an include": {
        "config": "IdentityFile a\nInclude {dir}/a\nIdentityFile c\n",
        "a": "IdentityFile b\n",
    },
    "proxy of an include": {"config": "Include {dir}/a\nProxyCommand x\n", "a": "Host web\n ProxyJump gate\n"},
    "include of a folder": {"config": "Include {dir}/conf*\nPort 5\n", "conf.d/a": "Port 1\n"},
}


@pytest.mark.parametrize("name", CONFIGS)
def test_one_file(judge, name: str) -> None:
    text = CONFIGS[name]
    for host in ("web", "other"):
        judge.agree(
            {"config": text.encode(errors="surrogateescape").replace(b"{dir}", os.fsencode(judge.folder))},
            Destination(host=host),
        )
    assert not (judge.folder / "ran").exists()


@pytest.mark.parametrize("name", INCLUDES)
def test_several_files(judge, name: str) -> None:
    judge.agree(INCLUDES[name])


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_given_wins(judge, name: str) -> None:
    judge.agree(
        {
            "config": "Match user ops\n Compression yes\nHost web\n User dev\n Port 1\n ProxyJump far\nHost 127.*\n Port 9\n"
            "Match final host web*,WEB*,127.0.0.1,::1,fe80*\n HashKnownHosts yes\nUserKnownHostsFile /x/%h/%n\n"
        },
        GIVEN[name],
    )


def test_a_given_identity_comes_first(judge) -> None:
    key = judge.folder / "key"
    key.write_text("")
    destination = Destination(host="web", identity_file=str(key))
    settings = judge.agree({"config": "IdentityFile ~/.ssh/a\n"}, destination)
    assert settings.identity_files == (str(key), f"{judge.local.home}/.ssh/a")
    assert judge.agree({"config": ""}, destination).identity_files == (str(key),)


def test_identities_are_expanded_as_ssh_does_before_it_connects(judge) -> None:
    text = (
        "HostName db\nUser ops\nHostKeyAlias K\nIdentityFile ~/%h.%n.%p.%r.%u.%i.%k.%L.%l.%%\nIdentityFile %d/${SITE}\n"
    )
    path = judge.write({"config": text})
    settings = judge.ours(ConfigFiles(user=str(path), system=None), Destination(host="web"))
    done = judge.run(["-v", "-F", str(path), "-o", "ProxyCommand=false", "web"])
    assert list(settings.identity_files) == re.findall("identity file (.*[^t]) type -1", done.stderr.decode())


OWN_AND_SYSTEM = (
    ("Port 1\n", "Port 2\nUser sys\n"),
    ("Host other\n Port 1\n", "Host *\n Port 2\n"),
    ("IdentityFile ~/.ssh/a\nIdentityFile b\n", "IdentityFile ~/.ssh/a\nIdentityFile c\n"),
    ("Include own ~/other conf.d/*\n", "Include sys.d/*.conf /etc/ssh/more\nHost *\n SendEnv LANG LC_*\n"),
    ("User x\n", "Include ~/own\n"),
    ("Host web\n HostName DB\n", "Match host db\n Port 3\nMatch final\n User f\n"),
    ("Match final host web\n Port 4\n", "Host web\n User s\n"),
    ("ProxyJump none\n", "ProxyJump gate\n"),
    ("IgnoreUnknown Foo\n", "Foo bar\nPort 6\n"),
    ("Port 1\n", "Foo bar\n"),
    ("UserKnownHostsFile ~/.ssh/%k\n", "GlobalKnownHostsFile /a /b\nHashKnownHosts yes\nGSSAPIAuthentication yes\n"),
    (None, "Port 6\n"),
    ("Port 7\n", None),
    (None, None),
)
BESIDE = {
    "home/.ssh/own": "Compression yes\n",
    "home/other": "IdentitiesOnly yes\n",
    "home/.ssh/conf.d/a": "Host web\n HostKeyAlias A\n",
    "home/.ssh/conf.d/b": "HostKeyAlias B\n",
    "system/sys.d/a.conf": "BindAddress ::1\n",
    "system/more": "Host other\n Port 9\n",
}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can put files in place of this machine's own")
class TestTheOwnFileAndTheSystems:
    """ssh takes both from fixed places; so it is shown ours there, in a mount namespace."""

    @pytest.mark.parametrize("pair", OWN_AND_SYSTEM, ids=str)
    def test_count_together(self, judge, pair: tuple[str | None, str | None]) -> None:
        names = dict(zip(("home/.ssh/config", "system/ssh_config"), pair, strict=True))
        judge.write(BESIDE | {name: text for name, text in names.items() if text is not None})
        theirs = ssh_there(judge)
        # What is included by its whole path stands elsewhere for us.
        if pair[1] and "/etc/ssh/" in pair[1]:
            judge.write({"system/ssh_config": pair[1].replace("/etc/ssh/", "{dir}/system/")})
        agree_there(judge, theirs)

    @pytest.mark.parametrize("mode", (0o600, 0o644, 0o664, 0o646, 0o666))
    @pytest.mark.parametrize("owner", (0, 65534))
    @pytest.mark.parametrize("name", ("home/.ssh/config", "home/.ssh/own", "system/ssh_config"))
    def test_are_written_by_nobody_else(self, judge, name: str, owner: int, mode: int) -> None:
        if mode == 0o664 and b"Debian" not in judge.run(["-V"]).stderr:
            pytest.skip("only Debian's ssh asks who is in the group")
        judge.write({"home/.ssh/config": "Include own\n", "home/.ssh/own": "Port 1\n", "system/ssh_config": "User x\n"})
        (judge.folder / name).chmod(mode)
        for group in (0, 1, 65533):
            os.chown(judge.folder / name, owner, group)
            agree_there(judge, ssh_there(judge))


def ssh_there(judge) -> dict[str, list[str]] | None:
    """What ssh says where the folders `home` and `system` stand for its home and for /etc/ssh."""
    home, system = judge.folder / "home", judge.folder / "system"
    script = 'mount --bind "$1" "$2" && mount --bind "$3" /etc/ssh && shift 3 && exec "$@"'
    wrapper = ["unshare", "-m", "sh", "-c", script, "sh", str(home), judge.local.home, str(system)]
    for folder in (home / ".ssh", system):
        folder.mkdir(parents=True, exist_ok=True)
    if not shutil.which("unshare") or subprocess.run([*wrapper, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    return judge.ssh(None, Destination(host="web"), wrapper)


def agree_there(judge, theirs: dict[str, list[str]] | None) -> None:
    home = judge.folder / "home"
    files = ConfigFiles(user=str(home / ".ssh/config"), system=str(judge.folder / "system/ssh_config"))
    local = replace(judge.local, home=str(home))
    ours = judge.ours(files, Destination(host="web"), local)
    replace(judge, local=local).compare(ours, theirs, judge.local.home)


def test_a_route_is_what_nested_ssh_would_travel(judge) -> None:
    path = judge.write(
        {
            "config": "Host web\n ProxyJump inner,ops@gate:2222\nHost gate\n User x\n HostName g\nHost inner\n ProxyJump far\n"
        }
    )
    route = SshConfig(ConfigFiles(user=str(path), system=None), judge.local).route(Destination(host="web"))
    hops = [(hop.user, hop.hostname, hop.port) for hop in route]
    own = judge.local.user
    assert hops == [(own, "far", 22), (own, "inner", 22), ("ops", "g", 2222), (own, "web", 22)]
