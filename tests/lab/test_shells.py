"""Login shells of every family, and all that people put in their way: the same is planned, written and found."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lab.accounts import User
from lab.keys import KeyPair, make_key
from lab.machines import Lab, Machine
from lab.office import Office, Ran
from lab.trouble import assert_is_plain, boot, declare, fate, way

BODY = """\
user:
  files: {~/mine: {content: "a  b\\n$HOME `id` é\\n"}}
  go_env: {GOPROXY: direct}
"""
NOISE = """\
echo "Good morning from the shell"
echo "and some complaints" >&2
printf '\\033[2J\\033]0;title\\007no line end'
"""
BASH = f"""\
{NOISE}
export LC_ALL=tr_TR.UTF-8 LANG=tr_TR.UTF-8 IFS=/:e PATH=/nowhere ENV=/home/bash/evil BASH_ENV=/home/bash/evil
export LD_PRELOAD=/nowhere/rubbish.so LD_LIBRARY_PATH=/nowhere TMPDIR=/nowhere POSIXLY_CORRECT=1 TAR_OPTIONS=--nonsense
export HOME=/home/bash CDPATH=/ GREP_OPTIONS=-v stat=x input=x part=x alive=x boot=x agent=x nonce=x user=x
alias cat=false sh=false env=false
set -u
umask 0
cd /tmp
trap 'echo trapped' DEBUG EXIT
"""
ENVIRONMENT = "LD_PRELOAD=/nowhere/rubbish.so\nENV=/home/bash/evil\nBASH_ENV=/home/bash/evil\nIFS=/\nPATH=/nowhere\n"
# By login shell: where it is, and what it reads when a command is run over SSH.
SHELLS = {
    "bash": ("/bin/bash", {".bashrc": BASH, ".ssh/environment": ENVIRONMENT, "evil": "echo evil; exit 9\n"}),
    "dash": (
        "/bin/dash",
        {".profile": "echo profile\n", ".ssh/environment": "ENV=/home/dash/evil\n", "evil": "exit 9\n"},
    ),
    "fish": (
        "/usr/bin/fish",
        {".config/fish/config.fish": "echo fishy\necho more >&2\nset -x IFS x\nset -x PATH /nowhere\n"},
    ),
    "tcsh": (
        "/bin/tcsh",
        {".tcshrc": "echo csh is noisy\nsetenv PATH /nowhere\nsetenv IFS x\nalias cat false\nset noglob\n"},
    ),
    "ruler": ("/bin/sh", {".ssh/rc": "echo rc; echo rc >&2\n"}),
}
OPTIONS = {"PermitUserEnvironment": "yes", "Banner": "/etc/ssh/banner", "PrintMotd": "yes", "AcceptEnv": "*"}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_key(tmp_path_factory.mktemp("keys") / "id_ed25519")


@pytest.fixture(scope="module")
def machines(lab: Lab, key: KeyPair) -> Iterator[dict[str, Machine]]:
    """One with a user for each shell, one with busybox."""
    users = {name: User(keys=[key.public], shell=shell) for name, (shell, _) in SHELLS.items()}
    full = boot(lab, "trixie", users=users, sshd_options=OPTIONS, strace=True)
    small = boot(lab, "busybox", users={"ash": User(keys=[key.public], shell="/bin/ash")}, sshd_options=OPTIONS)
    for name, (_, files) in SHELLS.items():
        for path, text in files.items():
            full.write(f"/home/{name}/{path}", text)
        full.commander.succeed(["chown", "-R", f"{name}:{name}", f"/home/{name}"])
    small.write("/home/ash/.profile", NOISE, owner="ash")
    for one in (full, small):
        one.write("/etc/motd", "\n\x1b[31mMessage of the day\n" * 50)
        one.write("/etc/ssh/banner", "\x1b[31mBanner\n" * 50)
        one.stop_sshd()
        one.start_sshd()
    yield {**dict.fromkeys(SHELLS, full), "ash": small}
    full.close()
    small.close()


@pytest.fixture(scope="module")
def runs(machines: dict[str, Machine], key: KeyPair, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    office = Office(tmp_path_factory.mktemp("shells") / "office")
    office.has_key(key)
    declare(office, {name: way(one, name) for name, one in machines.items()}, BODY)
    commands = (("plan", "--detailed-exitcode"), ("apply", "--yes"), ("verify", "--strict"))
    return {words[0]: office.run(words[0], "--all", *words[1:]) for words in commands}


@pytest.mark.parametrize("name", [*SHELLS, "ash"])
def test_the_login_shell_makes_no_difference(runs: dict[str, Ran], machines: dict[str, Machine], name: str) -> None:
    assert f"Applied: 2 changed, 0 failed on {name}" in runs["apply"].words, runs["apply"]
    assert fate(runs["apply"], name).count("done") >= 2
    assert f"Verify: nothing to change, 2 in sync on {name}." in runs["verify"].words, runs["verify"]
    one = machines[name]
    assert one.read(f"/home/{name}/mine").decode() == "a  b\n$HOME `id` é\n"
    assert one.run(["stat", "-c", "%a %U", f"/home/{name}/mine"]).stdout.decode() == f"644 {name}\n"


def test_every_command_says_the_same_of_all(runs: dict[str, Ran]) -> None:
    assert {name: ran.code for name, ran in runs.items()} == {"plan": 2, "apply": 0, "verify": 0}, runs
    for ran in runs.values():
        assert_is_plain(ran)
        assert "noisy" not in ran.out and "morning" not in ran.out


KEPT = {"HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "PATH", "LC_ALL"}
_PROGRAM = re.compile(r'execve\("(?P<path>[^"]*)", \[(?P<words>.*?)\], \[(?P<environment>.*?)\](?:\)| <unfinished)')


def test_no_program_of_ours_sees_the_environment_of_the_session(
    runs: dict[str, Ran], machines: dict[str, Machine]
) -> None:
    """From the first `env -i` on; what the user's own login shell is asked for sees what that shell makes."""
    assert runs["verify"].code == 0
    seen = 0
    for found in _PROGRAM.finditer(machines["bash"].trace()):
        if re.search(r"/(?:stat|tar|mv|cp|sha256sum|sync)$", found["path"]) or '"reconcile' in found["words"][:200]:
            names = {item.partition("=")[0] for item in re.findall(r'"((?:[^"\\]|\\.)*)"', found["environment"])}
            assert names <= KEPT | {"PWD", "OLDPWD", "SHLVL", "_", "part", "alive"}, (found["path"], names)
            assert "rubbish" not in found["environment"] and "nowhere" not in found["environment"]
            seen += 1
    assert seen > 20


def test_the_environment_of_the_agent_holds_who_is_there_and_nothing_else(
    runs: dict[str, Ran], machines: dict[str, Machine]
) -> None:
    assert runs["verify"].code == 0
    agents = [
        found
        for found in _PROGRAM.finditer(machines["bash"].trace())
        if found["words"].startswith('"/bin/sh", "-c", "umask 077;')
    ]
    assert len(agents) == 4 * len(SHELLS)  # apply has two
    for found in agents:
        items = dict(item.split("=", 1) for item in re.findall(r'"((?:[^"\\]|\\.)*)"', found["environment"]))
        assert items.keys() <= KEPT, items
        assert items["LC_ALL"] == "C" and items["PATH"].startswith("/usr/local/sbin:/usr/local/bin:/usr/sbin")
        assert items["HOME"] == f"/home/{items['USER']}"
