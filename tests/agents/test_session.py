"""session.sh itself and the boot line, run for real: by every shell, behind every login shell, with real sudo and doas."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from lab.accounts import User
from private_etc import PATIENCE_SECONDS, PrivateEtc, private_etc
from reconciler import agents
from reconciler.execution.session import (
    Password,
    Refused,
    Rights,
    is_locked,
    no_root,
    root_said,
    unlock,
)
from reconciler.model.errors import UnreachableError
from reconciler.transports.exchange import Limits, PipeExchange
from reconciler.transports.local import LocalTransport
from yardstick import SOON_SECONDS

SHELLS = ("dash", "bash", "busybox", "mksh")
LOGIN_SHELLS = ("dash", "bash", "zsh", "fish", "tcsh", "mksh", "busybox")
PASSWORD = "hunter2"
AWKWARD_PASSWORDS = (
    " two  blanks ", "it's \"quoted\"", "back\\slash\\n\\", "$(id) `id` $HOME", "pässwörd-密", "-n", "-e\\c", "=reconcile= 5",
    "=reconcile= 99999", "%s%n", "*", "~", "#whole", "go", "exit", "tab\there",
)  # fmt: skip

WHO = """\
tell_me() { put "$line_end$session_nonce answer $(id -u)"; put "$input"; }
tell_me
offer_root
end_signs
"""
"""An agent that says who it is and what it was given."""


@pytest.fixture
def own_etc() -> Iterator[Callable[..., PrivateEtc]]:
    """This machine with one more user, as the test describes him."""
    with contextlib.ExitStack() as stack:
        yield lambda **user: stack.enter_context(private_etc({"dev": User(**user), "eve": User()}))


@pytest.fixture(scope="module")
def applets() -> Iterator[Path]:
    """Nothing but busybox's own programs, where every user may look."""
    busybox = shutil.which("busybox")
    if not busybox:
        pytest.skip("busybox is not installed")
    with tempfile.TemporaryDirectory(prefix="reconcile-applets-") as name:
        folder = Path(name)
        for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
            (folder / applet).symlink_to(busybox)
        folder.chmod(0o755)
        yield folder


def found(shell: str, request: pytest.FixtureRequest) -> tuple[str, str]:
    """The shell, and the PATH to test it with."""
    if shell == "busybox":
        folder = request.getfixturevalue("applets")
        return f"{folder}/sh", f"{folder}:/usr/bin"
    path = shutil.which(shell)
    if not path:
        pytest.skip(f"{shell} is not installed")
    return path, agents.PATH


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return found(request.param, request)[0]


@pytest.fixture(params=LOGIN_SHELLS)
def login_shell(request: pytest.FixtureRequest) -> str:
    return found(request.param, request)[0]


def whole(agent: str) -> bytes:
    """A program as `agents.program` makes it, of an agent of our own."""
    text = f"boot={shlex.quote(agents.BOOT)}\n{agents.text('session.sh')}\n{agent}\n#whole".encode()
    return b"=reconcile= %d\n" % len(text) + text


def start(
    transport: LocalTransport, rights: Rights, *, agent: str = WHO, given: bytes = b"given\n", alive: float = 0
) -> PipeExchange:
    """As `session.begin` does, but with any agent, and signs as often as wanted."""
    exchange = transport.start()
    exchange.say(whole(agent))
    exchange.say(f"session {rights} {alive:g} nonce {len(given)}\n".encode() + given)
    return exchange


def answers(said: bytes) -> list[tuple[int, str]]:
    """Who answered what, one after the other."""
    pattern = re.compile(r"\nnonce answer (\d+)\n([^\n]*)\n")
    return [(int(uid), text) for uid, text in pattern.findall(said.decode())]


def boot(shell: str, data: bytes) -> bytes:
    """What the boot line alone makes of an input."""
    done = subprocess.run([shell, "-c", agents.BOOT], input=data, capture_output=True, timeout=PATIENCE_SECONDS)
    assert done.stdout.startswith(agents.HERE)
    return done.stdout.removeprefix(agents.HERE)


# ── the boot line ───────────────────────────────────────────────────────────────────────────────────────────────────


def framed(program: bytes) -> bytes:
    return b"=reconcile= %d\n" % len(program) + program


def test_the_boot_line_drops_noise_before_the_program(shell: str) -> None:
    noise = b"hunter2\necho ran\n$(echo ran)\n`echo ran`\n=reconcile=\n =reconcile= 3\n\\\n'\n\xff\xfe\n"
    assert boot(shell, noise + framed(b"echo fine; cat\n#whole") + b"data") == b"fine\ndata"


def test_the_boot_line_runs_only_whole_programs(shell: str) -> None:
    program = framed(b"echo first\necho last\n#whole")
    start_of_text = program.index(b"\n") + 1
    for length in (0, 5, start_of_text, start_of_text + 11, len(program) - 1):
        assert boot(shell, program[:length]) == b"", length
    assert boot(shell, program) == b"first\nlast\n"


@pytest.mark.parametrize("size", [b"", b"x", b"-1", b"0", b"99999999999999999999", b"1 2", b"$(echo ran)", b"5"])
def test_the_boot_line_is_not_misled_by_a_size(shell: str, size: bytes) -> None:
    """A password that sudo did not read may look like that."""
    assert boot(shell, b"=reconcile= " + size + b"\n" + framed(b"echo ran\n#whole")) == b""


def test_what_follows_a_program_is_its_input_to_the_last_byte(shell: str) -> None:
    data = bytes(range(256)) * 300
    assert boot(shell, framed(b"exec cat\n#whole") + data) == data


def test_half_a_session_line_starts_nothing(shell: str) -> None:
    for line in (b"", b"\n", b"session", b"echo ran\n", b"Session own 0 n 0\n"):
        done = subprocess.run([shell, "-c", agents.BOOT], input=whole("echo ran") + line, capture_output=True)
        assert (done.returncode, done.stdout.removeprefix(agents.HERE)) == (65, b""), line


# ── the command line for login shells ───────────────────────────────────────────────────────────────────────────────


SEEN = """\
tr '\\0' '\\n' </proc/$$/environ
put "in $(pwd) with $(umask)"
"""
"""An agent that tells what its shell was started with."""


def seen(login_shell: str, environment: Mapping[str, str]) -> list[str]:
    done = subprocess.run(
        [login_shell, "-c", agents.COMMAND],
        input=whole(SEEN) + b"session own 0 nonce 0\n",
        env=environment,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )
    _, here, said = done.stdout.partition(agents.HERE)
    assert here, done
    return said.decode().splitlines()


@pytest.fixture
def noisy_home(tmp_path: Path) -> Path:
    """A home whose start-up files talk, in every shell's language."""
    home = tmp_path / "a 'home' \"of\" $(id) \\ ü"
    (home / ".config/fish").mkdir(parents=True)
    for name in (
        ".zshenv",
        ".zshrc",
        ".cshrc",
        ".tcshrc",
        ".bashrc",
        ".profile",
        ".mkshrc",
        ".config/fish/config.fish",
    ):
        (home / name).write_text(
            "echo '=reconcile= 7'; echo noise; echo noise 1>&2\n".replace(" 1>&2", "" if "csh" in name else " 1>&2")
        )
    return home


def test_every_login_shell_starts_the_same_clean_session(login_shell: str, noisy_home: Path) -> None:
    environment = {
        "HOME": str(noisy_home),
        "USER": pwd.getpwuid(os.geteuid()).pw_name,  # fish sees to it
        "WSL_INTEROP": "",
        "XDG_RUNTIME_DIR": "/run/*/'$HOME'\\",
        "PATH": "/nowhere:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "LANG": "de_DE.UTF-8",
        "SECRET": "of the caller",
        "BASH_ENV": str(noisy_home / ".bashrc"),
        "ENV": str(noisy_home / ".profile"),
        "LD_PRELOAD": "",
        "line": "1",
        "agent": "echo ran",
        "boot": "echo ran",
        "part": "user",
        "alive": "1",
        "IFS": "x",
        "PS4": "$(echo ran)",
    }
    kept = {name: environment[name] for name in agents.SESSION_VARIABLES if name in environment}
    login_name = {"LOGNAME"}  # some login shells set it by themselves
    *found, place = seen(login_shell, environment)
    assert [line for line in found if line.partition("=")[0] not in login_name] == [
        *(f"{name}={value}" for name, value in kept.items()),
        f"PATH={agents.PATH}",
        "LC_ALL=C",
    ]
    assert place in ("in / with 0077", "in / with 077")


def test_the_command_line_is_the_same_in_every_run_and_names_nothing(login_shell: str) -> None:
    assert "\n" not in agents.COMMAND and "!" not in agents.COMMAND and "\\" not in agents.COMMAND
    assert agents.COMMAND.count("'") == 4
    done = subprocess.run([login_shell, "-n", "-c", agents.COMMAND], capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done


# ── signs of life ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def mark() -> str:
    """What the processes of one test have in their environment, and no other has."""
    return f"mark-{os.getpid()}-{time.monotonic_ns()}"


def marked(mark: str) -> set[str]:
    """The command lines of processes that have a mark; children inherit it."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.add((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def wait_until(holds: Callable[[], bool], *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def test_signs_of_life_come_while_the_agent_is_silent(shell: str) -> None:
    exchange = start(
        LocalTransport((shell,)), Rights.OWN, agent="doing 'sheep'; sleep 0.7; put done; end_signs", alive=0.2
    )
    assert exchange.wait_for(b"\nreconcile-doing sheep\n") is not None
    assert exchange.wait_for(b"\nreconcile-alive\n") is not None
    assert exchange.wait_for(b"\nreconcile-alive\n") is not None
    result = exchange.finish()
    assert (result.stdout.removeprefix(agents.HERE), result.stderr) == (b"done\n", b"")


def test_an_agent_that_nobody_wants_signs_from_gives_none(shell: str) -> None:
    exchange = start(LocalTransport((shell,)), Rights.OWN, agent="doing nothing; sleep 0.5; end_signs")
    assert exchange.wait_for(b"reconcile-alive", b"reconcile-doing") is None


@pytest.mark.parametrize("end", ["end_signs", "exit 3", ":", "exec 1>&2 2>/dev/null; exit 0"])
def test_signs_end_with_the_agent_and_hold_up_no_stream(shell: str, end: str) -> None:
    exchange = start(LocalTransport((shell,)), Rights.OWN, agent=f"put done\n{end}", alive=20)
    began = time.monotonic()
    result = exchange.finish()
    assert time.monotonic() - began < SOON_SECONDS
    assert result.code == (3 if "3" in end else 0)


def test_nothing_is_left_running_a_signs_time_after_the_agent(shell: str, mark: str) -> None:
    exchange = start(LocalTransport((shell,), {"HOME": mark}), Rights.OWN, agent="sleep 0.3; end_signs", alive=0.2)
    wait_until(lambda: bool(marked(mark)), seconds=SOON_SECONDS)
    exchange.finish()
    wait_until(lambda: not marked(mark), seconds=SOON_SECONDS)


@pytest.mark.parametrize("number", ["KILL", "TERM", "HUP"])
def test_a_killed_agent_goes_silent_within_a_signs_time(shell: str, mark: str, number: str) -> None:
    """Also where nobody collects the dead: it is a zombie then, which a signal can still be sent to."""
    agent = f"kill -{number} $$; sleep 0.1; put survived"
    transport = LocalTransport((shell,), {"HOME": mark}, limits=Limits(deadline_seconds=30))
    exchange = start(transport, Rights.OWN, agent=agent, alive=0.2)
    began = time.monotonic()
    assert b"survived" not in exchange.finish().stdout
    assert time.monotonic() - began < SOON_SECONDS
    wait_until(lambda: not marked(mark), seconds=SOON_SECONDS)


def test_signs_of_life_come_while_sudo_is_at_work(own_etc: Callable[..., PrivateEtc]) -> None:
    exchange = start(own_etc(sudo="nopasswd").door(), Rights.FREE, agent=f"sleep 0.7\n{WHO}", alive=0.2)
    assert exchange.wait_for(b"\nreconcile-alive\n") is not None
    assert exchange.wait_for(b"\nreconcile-alive\n") is not None
    assert answers(exchange.finish().stdout) == [(0, "given")]


# ── rights ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def refuses(own_etc: Callable[..., PrivateEtc]) -> PrivateEtc:
    return own_etc()


def test_own_rights_are_those_of_the_door(own_etc: Callable[..., PrivateEtc], shell: str) -> None:
    one = own_etc(sudo="nopasswd")
    result = start(one.door(shell), Rights.OWN).finish()
    assert answers(result.stdout) == [(1000, "given")]
    assert root_said(result, "nonce") is None and no_root(result, "nonce") is None


@pytest.mark.parametrize("rights", [Rights.FREE, Rights.ASK])
@pytest.mark.parametrize("given", [b"given\n", b""], ids=["told at once", "told later"])
def test_root_without_a_password_is_taken_and_nothing_else_is_asked(
    own_etc: Callable[..., PrivateEtc], shell: str, rights: Rights, given: bytes
) -> None:
    one = own_etc(sudo="nopasswd")
    agent = WHO if given else "input=$(cat)\n" + WHO
    exchange = start(one.door(shell), rights, agent=agent, given=given)
    exchange.say(b"" if given else b"given\n")
    exchange.end_input()
    if rights is Rights.ASK:
        assert not is_locked(exchange, "nonce")
    result = exchange.finish()
    assert answers(result.stdout) == [(0, "given")]
    assert answers(root_said(result, "nonce") or b"") == [(0, "given")]


def test_root_at_the_door_needs_nobody(shell: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for rights in (Rights.FREE, Rights.ASK):
        result = start(LocalTransport((shell,)), rights).finish()
        assert answers(root_said(result, "nonce") or b"") == [(0, "given")]


def test_without_a_password_the_answer_is_the_users_own_with_the_reason(
    own_etc: Callable[..., PrivateEtc], shell: str
) -> None:
    one = own_etc(password=PASSWORD, sudo="password")
    result = start(one.door(shell), Rights.FREE).finish()
    assert answers(result.stdout) == [(1000, "given")]
    assert no_root(result, "nonce") == "sudo: a password is required"


def test_a_user_whom_sudo_does_not_know_is_not_asked_for_a_password_in_vain(refuses: PrivateEtc, shell: str) -> None:
    """sudo says `a password is required` to whom it would refuse anyway; doas and others say so at once."""
    refuses.at("/etc/sudoers.d/dev").write_text("dev ALL=(ALL) NOPASSWD: /usr/bin/true\n")
    exchange = start(refuses.door(shell), Rights.ASK)
    locked = is_locked(exchange, "nonce")
    reason = re.search(rb"no-root ([^\n]*)", exchange.said)
    exchange.close()
    assert reason and b"sudo" in reason[1]
    assert not locked or b"password is required" in reason[1]


def test_without_sudo_and_doas_the_reason_is_told(refuses: PrivateEtc, shell: str) -> None:
    exchange = start(refuses.door(shell, path=refuses.programs_without("sudo", "doas")), Rights.ASK)
    assert not is_locked(exchange, "nonce")
    result = exchange.finish()
    assert answers(result.stdout) == [(1000, "given")]
    assert no_root(result, "nonce") == "neither sudo nor doas is there"


@pytest.fixture
def doas(own_etc: Callable[..., PrivateEtc]) -> Callable[..., LocalTransport]:
    """The door of a machine without sudo."""
    if not shutil.which("doas"):
        pytest.skip("doas is not installed")

    def door(shell: str = "/bin/sh", **user: str) -> LocalTransport:
        one = own_etc(**user)
        return one.door(shell, path=one.programs_without("sudo"))

    return door


def test_doas_serves_where_there_is_no_sudo(doas: Callable[..., LocalTransport], shell: str) -> None:
    result = start(doas(shell, doas="nopasswd"), Rights.FREE).finish()
    assert answers(result.stdout) == [(0, "given")]


@pytest.mark.parametrize("rule", ["password", "none"])
def test_doas_is_given_no_password_and_says_why(doas: Callable[..., LocalTransport], rule: str) -> None:
    exchange = start(doas(password=PASSWORD, doas=rule), Rights.ASK)
    assert not is_locked(exchange, "nonce")
    result = exchange.finish()
    assert answers(result.stdout) == [(1000, "given")]
    why = no_root(result, "nonce")
    assert why == "doas takes a password from a terminal only" if rule == "password" else "doas" in str(why)


def test_sudo_that_hangs_before_it_asks_anything_is_named(own_etc: Callable[..., PrivateEtc]) -> None:
    """The sudo here is a shim."""
    one = own_etc()
    one.has_program("/usr/local/sbin/sudo", "#!/bin/sh\nexec sleep 30\n")
    exchange = start(one.door(limits=Limits(deadline_seconds=1.5)), Rights.FREE, alive=0.2)
    with pytest.raises(UnreachableError, match=r"was not done within 1\.5 seconds \(it was trying sudo\)"):
        exchange.finish()


# ── passwords ───────────────────────────────────────────────────────────────────────────────────────────────────────


def locked(one: PrivateEtc, *shell: str) -> PipeExchange:
    exchange = start(one.door(*shell), Rights.ASK)
    assert is_locked(exchange, "nonce"), exchange.said
    return exchange


def test_the_right_password_has_the_agent_answer_again_as_root(own_etc: Callable[..., PrivateEtc], shell: str) -> None:
    exchange = locked(own_etc(password=PASSWORD, sudo="password"), shell)
    unlock(exchange, "nonce", Password(text=PASSWORD))
    result = exchange.finish()
    assert answers(result.stdout) == [(1000, "given"), (0, "given")]
    assert answers(root_said(result, "nonce") or b"") == [(0, "given")]


def test_a_wrong_password_may_be_followed_by_the_right_one(own_etc: Callable[..., PrivateEtc], shell: str) -> None:
    exchange = locked(own_etc(password=PASSWORD, sudo="password"), shell)
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            unlock(exchange, "nonce", Password(text="wrong"))
        assert refused.value.wrong
    unlock(exchange, "nonce", Password(text=PASSWORD))
    assert answers(exchange.finish().stdout) == [(1000, "given"), (0, "given")]


@pytest.mark.parametrize("password", AWKWARD_PASSWORDS)
def test_a_password_may_hold_any_character(own_etc: Callable[..., PrivateEtc], password: str) -> None:
    exchange = locked(own_etc(password=password, sudo="password"))
    unlock(exchange, "nonce", Password(text=password))
    assert answers(exchange.finish().stdout) == [(1000, "given"), (0, "given")]


def test_every_shell_hands_an_awkward_password_on_as_it_is(own_etc: Callable[..., PrivateEtc], shell: str) -> None:
    password = ' -n it\'s "so" \\c\\\\ $HOME *  ü '
    exchange = locked(own_etc(password=password, sudo="password"), shell)
    unlock(exchange, "nonce", Password(text=password))
    assert answers(exchange.finish().stdout) == [(1000, "given"), (0, "given")]


def test_the_end_of_the_input_in_place_of_a_password_ends_it_all(
    own_etc: Callable[..., PrivateEtc], shell: str
) -> None:
    exchange = locked(own_etc(password=PASSWORD, sudo="password"), shell)
    result = exchange.finish()
    assert answers(result.stdout) == [(1000, "given")]


def test_apply_gets_root_with_the_password_in_one_go(own_etc: Callable[..., PrivateEtc], shell: str) -> None:
    one = own_etc(password=PASSWORD, sudo="password")
    exchange = start(one.door(shell), Rights.PASSWORD, agent="input=$(cat)\n" + WHO, given=b"")
    assert is_locked(exchange, "nonce")
    unlock(exchange, "nonce", Password(text=PASSWORD))
    exchange.say(b"tasks\n")
    result = exchange.finish()
    assert answers(result.stdout) == [(0, "tasks")]


def test_apply_with_a_wrong_password_does_nothing(own_etc: Callable[..., PrivateEtc], shell: str) -> None:
    one = own_etc(password=PASSWORD, sudo="password")
    exchange = start(one.door(shell), Rights.PASSWORD, agent="input=$(cat)\n" + WHO, given=b"")
    assert is_locked(exchange, "nonce")
    with pytest.raises(Refused):
        unlock(exchange, "nonce", Password(text="wrong"))
    exchange.say(b"tasks\n")
    assert answers(exchange.finish().stdout) == []


@pytest.mark.parametrize("password", ["touch /run/was-run", *AWKWARD_PASSWORDS])
def test_a_password_that_sudo_does_not_want_is_not_run(own_etc: Callable[..., PrivateEtc], password: str) -> None:
    """Between planning and applying the rules may have changed; or sudo remembers."""
    one = own_etc(password=password, sudo="nopasswd")
    one.as_root("chmod 777 /run")
    exchange = start(one.door(), Rights.PASSWORD, agent="input=$(cat)\n" + WHO, given=b"")
    assert is_locked(exchange, "nonce")
    unlock(exchange, "nonce", Password(text=password))
    exchange.say(b"tasks\n")
    result = exchange.finish()
    # What looks like the frame of a program costs the session, and nothing is done.
    assert answers(result.stdout) == ([] if password.startswith("=reconcile= ") else [(0, "tasks")])
    assert not one.at("/run/was-run").exists()
    assert result.stderr == b""


def test_the_password_is_in_no_argument_and_no_environment(
    own_etc: Callable[..., PrivateEtc], shell: str, tmp_path: Path
) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    canary = "canary-7f3a $(id) 'x"
    one = own_etc(password=canary, sudo="password")
    trace = tmp_path / "trace"
    door = one.door(shell)
    traced = ("strace", "-f", "-qq", "-e", "trace=execve", "-v", "-s", "100000", "-o", str(trace))
    exchange = start(LocalTransport((*traced, *door.shell), door.environment, limits=door.limits), Rights.ASK)
    assert is_locked(exchange, "nonce")
    with pytest.raises(Refused):
        unlock(exchange, "nonce", Password(text="canary-7f3b"))
    unlock(exchange, "nonce", Password(text=canary))
    result = exchange.finish()
    assert answers(result.stdout) == [(1000, "given"), (0, "given")]
    text = trace.read_text()
    assert text.count('"sudo"') >= 3 and "setpriv" in text
    assert "canary" not in text
    assert b"canary" not in result.stdout + result.stderr


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD])
def test_what_follows_a_refused_password_is_not_tried_as_another(
    own_etc: Callable[..., PrivateEtc], password: str
) -> None:
    """sudo asks three times: a line of the tasks would be the second password, and the log would have them."""
    one = own_etc(password="tasks", sudo="password")
    exchange = start(one.door(), Rights.PASSWORD, agent="input=$(cat)\n" + WHO, given=b"")
    assert is_locked(exchange, "nonce")
    with pytest.raises((Refused, UnreachableError)):
        unlock(exchange, "nonce", Password(text=password))
    exchange.say(b"tasks\ntasks\ntasks\n")
    assert answers(exchange.finish().stdout) == []


def test_sudo_that_takes_its_time_is_waited_for(own_etc: Callable[..., PrivateEtc]) -> None:
    """Who looks away for a moment finds the session as it was. The sudo here is a shim."""
    one = own_etc()
    shim = "#!/bin/sh\n[ $1 = -n ] && echo 'sudo: a password is required' >&2 && exit 1\nread -r line\nsleep 0.5\n"
    one.has_program("/usr/local/sbin/sudo", f'{shim}shift 3; exec "$@"\n')
    exchange = locked(one)
    exchange.say(b"password\n")
    with pytest.raises(TimeoutError):
        exchange.wait_for(agents.HERE, seconds=0.1)
    assert exchange.wait_for(agents.HERE, seconds=10) == agents.HERE
    exchange.say(b"go\n")
    assert answers(exchange.finish().stdout) == [(1000, "given"), (1000, "given")]
