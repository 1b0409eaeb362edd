"""`reconcile demo`: a scratch machine with the mess that real ones have, planned, applied, verified, applied again.

The machine is a root file system in a temporary folder; nothing outside it is looked at or changed. Its `root` is
whoever runs the demo, so that it needs no rights.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from reconciler.cli.console import say
from reconciler.model.errors import ReconcileError
from reconciler.model.states import Exit

USER: Final = "dev"
USER_ID: Final = 1000

DOCUMENT: Final = """\
version: 1
use: [wsl-go-baseline@1]

workstations:
  demo-laptop: {match: {hostname: "*"}}

distro:
  wsl_conf:
    network: {generateResolvConf: true}
    repair: true
  directories: {/opt/gobin/stable: {owner: root, mode: "0755"}}
  symlinks: {/usr/local/gobin: /opt/gobin/stable}

user:
  go_env:
    GOPROXY: https://goproxy.cn,direct
    GOFLAGS: {absent: true}
  files:
    ~/.config/git/ignore: {content: "*.test\\n*.out\\n"}
"""
MESS: Final = {
    "etc/wsl.conf": "# set up by hand in 2021\n[net]\ngenerateResolvConf = false\n\n[automount]\n; the drives\noptions = metadata\n",
    f"home/{USER}/.config/go/env": "GOPROXY=https://old.example.com\r\nGOFLAGS=-mod=mod\nGOPROXY=https://proxy.golang.org,direct\n",
    f"home/{USER}/.bashrc": "export GOPATH=$HOME/go\n",
    "etc/os-release": "ID=ubuntu\n",
}


@click.command("demo")
@click.option("--keep", type=click.Path(path_type=Path), help="Build it in this folder and leave it there.")
def command(keep: Path | None) -> int:
    """Plan, apply and verify a scratch machine, to see how it works. Touches nothing else."""
    with _folder(keep) as folder, _own_home(folder / "home-of-the-demo"):
        root, repo = folder / "machine", folder / "repo"
        build(root, repo)
        say(
            f"A scratch machine, with the mess that real ones have:\n\n{_shown(root)}\nreconcile.yaml, what it should be:\n\n{_indented(DOCUMENT)}"
        )
        target = ["-C", str(repo), "--root", str(root), "--user", USER]
        steps: list[tuple[list[str], Exit]] = [
            (["plan", "--detailed-exitcode"], Exit.CHANGES),
            (["apply", "--yes"], Exit.DONE),
            (["verify"], Exit.DONE),
            (["apply", "--yes"], Exit.DONE),
        ]
        for words, wanted in steps:
            _step(words, target, wanted)
        say(
            f"The machine now:\n\n{_shown(root)}\nWritten by key: comments and foreign lines are where they were. Next: reconcile init"
        )
    return 0


def _step(words: list[str], target: list[str], wanted: Exit) -> None:
    from reconciler.cli.main import run

    say(f"$ reconcile {' '.join(words)}\n")
    code = run([words[0], *target, *words[1:]])
    say(f"\nexit {code}\n")
    if code != wanted:
        raise ReconcileError(
            f"the demo went wrong: `reconcile {words[0]}` ended with {code}, not {wanted:d}", fix="please report this"
        )


def build(root: Path, repo: Path) -> None:
    """The machine's files, and the repo that says what it should be."""
    uid, gid = os.geteuid(), os.getegid()
    user, group = (USER_ID, USER_ID) if uid == 0 else (uid, gid)
    accounts = f"root:x:{uid}:{gid}:root:/root:/bin/sh\n{USER}:x:{user}:{group}::/home/{USER}:/bin/bash\n"
    for name, text in {**MESS, "etc/passwd": accounts, "etc/group": f"root:x:{gid}:\n{USER}:x:{group}:\n"}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    for path in [root, *root.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    if uid == 0:
        home = root / "home" / USER
        for path in [home, *home.rglob("*")]:
            os.chown(path, user, group)
    repo.mkdir(parents=True, exist_ok=True)
    (repo / "reconcile.yaml").write_text(DOCUMENT, encoding="utf-8")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="reconcile-demo-") as folder:
        yield Path(folder).resolve()


@contextmanager
def _own_home(home: Path) -> Iterator[None]:
    """The demo reads no machine.yaml of the caller's and leaves nothing in the caller's folders."""
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "SUDO_USER")
    before = {name: os.environ.pop(name, None) for name in names}
    home.mkdir(parents=True, exist_ok=True)
    os.environ["HOME"] = str(home)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _shown(root: Path) -> str:
    """The two files that matter, with what is invisible in them made visible."""
    parts = []
    for name in ("etc/wsl.conf", f"home/{USER}/.config/go/env"):
        text = (root / name).read_bytes().decode().replace("\r", "\\r")
        parts.append(f"  /{name}\n{_indented(text, '    ')}")
    return "\n".join(parts)


def _indented(text: str, blanks: str = "  ") -> str:
    return "".join(f"{blanks}{line}".rstrip() + "\n" for line in text.splitlines())
