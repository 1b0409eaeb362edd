"""Real shells, after the real apply: login shells, terminals and what VS Code asks all see the same."""

from __future__ import annotations

import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

SKELETON = Path("/etc/skel")
PASSWORD = "p'a$HOME`\"\\ ä"
EDITOR = "vim -c 'set nu' \"$HOME\" `id` \\"
DOCUMENT = """\
version: 1
secrets: {proxy_password: {}}
user:
  shell_env:
    path:
      gobin: {directory: /usr/local/gobin, position: first}
      mine: {directory: "~/my tools", position: first}
      local: {directory: ~/.local/bin}
    variables:
      EDITOR: |-
        vim -c 'set nu' "$HOME" `id` \\
      GREETING: ""
      PROXY_LOGIN: "me:{{ secrets.proxy_password }}"
"""
GONE = """\
version: 1
user:
  shell_env:
    path: {gobin: {absent: true}, mine: {absent: true}, local: {absent: true}}
    variables: {EDITOR: {absent: true}, GREETING: {absent: true}, PROXY_LOGIN: {absent: true}}
"""
DUMP = "exec /usr/bin/env -0"


def inside(shell: str, script: str) -> str:
    """What has a shell start a terminal's shell in its own place."""
    return f"exec {shell} -i -c {shlex.quote(script)}"


SESSIONS = {
    "a login shell of bash": ["bash", "-l", "-c", DUMP],
    "a terminal with bash": ["bash", "-i", "-c", DUMP],
    "what VS Code asks bash": ["bash", "-i", "-l", "-c", DUMP],
    "a login shell of dash": ["dash", "-l", "-c", DUMP],
    "a terminal with dash in a session": ["dash", "-l", "-c", inside("dash", DUMP)],
    "a login shell of busybox": ["busybox", "ash", "-l", "-c", DUMP],
    "a terminal with busybox in a session": ["busybox", "ash", "-l", "-c", inside("busybox ash", DUMP)],
    "a login shell of mksh": ["mksh", "-l", "-c", DUMP],
    "a terminal with mksh in a session": ["mksh", "-l", "-c", inside("mksh", DUMP)],
    "what VS Code asks mksh": ["mksh", "-i", "-l", "-c", DUMP],
    "a script of zsh": ["zsh", "-c", DUMP],
    "a login shell of zsh": ["zsh", "-l", "-c", DUMP],
    "a terminal with zsh": ["zsh", "-i", "-c", DUMP],
    "what VS Code asks zsh": ["zsh", "-i", "-l", "-c", DUMP],
    "a script of fish": ["fish", "-c", DUMP],
    "a login shell of fish": ["fish", "-l", "-c", DUMP],
    "a terminal with fish": ["fish", "-i", "-c", DUMP],
    "what VS Code asks fish": ["fish", "-i", "-l", "-c", DUMP],
    "VS Code's server in WSL": ["dash", "-c", f". ~/.vscode-server/server-env-setup; {DUMP}"],
    "what that server asks bash": ["dash", "-c", f". ~/.vscode-server/server-env-setup; exec bash -i -l -c '{DUMP}'"],
    "a terminal of that server": ["dash", "-c", f". ~/.vscode-server/server-env-setup; {inside('bash', DUMP)}"],
    "shells in shells": ["bash", "-l", "-c", inside("zsh", inside("fish", inside("bash", DUMP)))],
}


@pytest.fixture
def home(trusted_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a new user of Debian has, and a little of everything else."""
    if not (SKELETON / ".bashrc").is_file() or "interactively" not in (SKELETON / ".bashrc").read_text():
        pytest.skip("/etc/skel is not Debian's")
    for name in (".bashrc", ".profile", ".mkshrc"):
        if (SKELETON / name).is_file():
            shutil.copy(SKELETON / name, trusted_home)
    (trusted_home / ".zshrc").write_text("HISTSIZE=100\n")
    for folder in (".config/fish", ".vscode-server/bin/commit", ".local/bin", "bin"):
        (trusted_home / folder).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(trusted_home))
    monkeypatch.setenv("RECONCILE_SECRET_PROXY_PASSWORD", PASSWORD)
    monkeypatch.setenv("SHELL", "/bin/bash")
    return trusted_home


@pytest.fixture
def applied(command, home: Path, tmp_path: Path):
    """Has the machine brought to a document."""

    def apply(text: str):
        (tmp_path / "reconcile.yaml").write_text(text, encoding="utf-8")
        done = command("apply", "-C", str(tmp_path), "--yes", "--allow-exec")
        assert done.code == 0, done.out + done.err
        assert PASSWORD not in done.out
        return done

    return apply


def session(argv: list[str], home: Path, path: str) -> dict[str, str]:
    program = shutil.which(argv[0])
    if program is None:
        pytest.skip(f"{argv[0]} is not installed")
    clean = {"HOME": str(home), "PATH": path, "TERM": "dumb", "USER": "tester", "LANG": "C.UTF-8"}
    done = subprocess.run(
        [program, *argv[1:]],
        env=clean,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        start_new_session=True,
    )
    pairs = done.stdout.decode("utf-8").split("\0")[:-1]
    assert done.returncode == 0 and pairs, done.stderr
    return dict(pair.split("=", 1) for pair in pairs)


def system_path() -> str:
    """What /etc/profile makes of PATH: login shells begin with that."""
    words = ["/bin/sh", "-c", '. /etc/profile >/dev/null 2>&1; printf %s "$PATH"']
    return subprocess.run(
        words, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60, check=True
    ).stdout


def test_every_session_of_every_shell_sees_the_same(applied, home: Path) -> None:
    applied(DOCUMENT)
    system = system_path()
    expected = {
        "PATH": f"/usr/local/gobin:{home}/my tools:{system}:{home}/.local/bin",
        "EDITOR": EDITOR,
        "GREETING": "",
        "PROXY_LOGIN": f"me:{PASSWORD}",
    }
    missing = [shell for shell in ("busybox", "dash", "fish", "mksh", "zsh") if shutil.which(shell) is None]
    seen = {
        name: session(argv, home, system)
        for name, argv in SESSIONS.items()
        if not any(shell in word for shell in missing for word in argv)
    }
    # Debian's .profile puts ~/bin in front, and fish and zsh do not read it.
    wrong = {
        name: {key: found.get(key) for key in expected}
        for name, found in seen.items()
        if {key: (found.get(key) or "").replace(f"{home}/bin:", "") for key in expected} != expected
    }
    assert wrong == {}
    assert len(seen) > 5


def test_a_second_apply_changes_nothing_and_shells_leave_nothing_behind(
    applied, command, home: Path, tmp_path: Path
) -> None:
    applied(DOCUMENT)
    assert command("verify", "-C", str(tmp_path)).code == 0
    again = applied(DOCUMENT)
    assert again.first.startswith("Plan: nothing to change")
    for file in (home / ".config/reconcile/env.sh", home / ".config/fish/conf.d/reconcile.fish"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = session(["bash", "-c", DUMP], home, "/usr/bin:/bin")
    after = session(["bash", "-i", "-l", "-c", DUMP], home, "/usr/bin:/bin")
    assert after.keys() - before.keys() <= {"EDITOR", "GREETING", "PROXY_LOGIN", "LS_COLORS", "SHELL", "PS1"}


def test_dotfiles_behind_links_get_the_block_and_give_it_back(applied, home: Path) -> None:
    dotfiles = home / "dotfiles"
    dotfiles.mkdir()
    (home / ".bashrc").rename(dotfiles / "bashrc")
    (home / ".bashrc").symlink_to("dotfiles/bashrc")
    (home / ".bash_profile").write_text("[ -f ~/.bashrc ] && . ~/.bashrc")
    before = files(home)
    applied(DOCUMENT)
    assert (home / ".bashrc").is_symlink()
    assert "reconcile shell_env" in (dotfiles / "bashrc").read_text()
    for words in (["bash", "-l", "-c", DUMP], ["bash", "-i", "-c", DUMP]):
        assert session(words, home, system_path())["PATH"].startswith(f"/usr/local/gobin:{home}/my tools:")
    applied(GONE)
    after = files(home)
    assert after.pop(".bash_profile") == before.pop(".bash_profile") + b"\n"
    assert {name: data for name, data in after.items() if not name.startswith((".local/state", ".cache"))} == before


def files(top: Path) -> dict[str, bytes]:
    return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("shell", ["bash", "dash", "mksh", "zsh", "fish"])
def test_a_login_puts_an_inherited_order_right(applied, home: Path, shell: str) -> None:
    applied(DOCUMENT)
    inherited = f"{home}/.local/bin:{system_path()}:/usr/local/gobin"
    path = session([shell, "-l", "-c", DUMP], home, inherited)["PATH"].replace(f"{home}/bin:", "")
    assert path == f"/usr/local/gobin:{home}/my tools:{system_path()}:{home}/.local/bin"


def test_an_activated_environment_stays_in_front_in_a_shell_inside(applied, home: Path) -> None:
    applied(DOCUMENT)
    inside = "PATH=/venv/bin:$PATH; export PATH; exec bash -i -c '/usr/bin/env -0'"
    path = session(["bash", "-i", "-c", inside], home, system_path())["PATH"]
    assert path.startswith(f"/venv/bin:/usr/local/gobin:{home}/my tools:")
    assert path.count("/usr/local/gobin") == 1


def test_markers_that_do_not_pair_block_and_are_shown(command, home: Path, tmp_path: Path) -> None:
    (home / ".bashrc").write_text("# >>> reconcile shell_env >>>\nmine\n")
    (tmp_path / "reconcile.yaml").write_text(DOCUMENT, encoding="utf-8")
    done = command("apply", "-C", str(tmp_path), "--yes", "--allow-exec")
    assert done.code == 5
    assert "~/.bashrc:1: the block shell_env begins here and does not end" in done.out
    assert (home / ".bashrc").read_text() == "# >>> reconcile shell_env >>>\nmine\n"
