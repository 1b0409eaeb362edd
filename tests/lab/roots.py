"""Root file systems: built once with the mirror this computer's apt uses, kept as archives, unpacked for each lab.

An archive is named after the digest of what it was built from, so a changed recipe is a new archive.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.commander import LabError, LabUnavailable
from lab.namespaces import Namespaces, require

BUILD_SECONDS = 300.0
RECIPES = Path(__file__).parent / "recipes"
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """`sshd` and `strace` are their paths inside; `packages` come on top of those of the script.

    `sshd_options` are for what this sshd does and others do not know.
    """

    name: str
    suite: str
    script: str
    packages: Sequence[str] = ()
    boots_systemd: bool = False
    sshd_options: Mapping[str, str] = field(default_factory=dict)
    sshd: str = "/usr/sbin/sshd"
    strace: str = "/usr/bin/strace"

    @property
    def digest(self) -> str:
        text = (RECIPES / self.script).read_text(encoding="utf-8")
        return hashlib.sha256("\n".join([self.name, self.suite, *self.packages, text]).encode()).hexdigest()[:16]


# To the machines all who come from the runner have one address: refused because of each other, they would be a riddle.
NO_PENALTIES = {"PerSourcePenalties": "no"}

RECIPES_BY_NAME: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="bookworm", suite="bookworm", script="debian.sh"),
        Recipe(name="trixie", suite="trixie", script="debian.sh", sshd_options=NO_PENALTIES),
        Recipe(
            name="trixie-systemd",
            suite="trixie",
            script="debian.sh",
            packages=("systemd-sysv", "libpam-systemd", "dbus-user-session"),
            boots_systemd=True,
            sshd_options=NO_PENALTIES,
        ),
        Recipe(
            name="busybox",
            suite="bookworm",
            script="busybox.sh",
            sshd="/.lab/bin/sshd",
            strace="/.lab/bin/strace",
        ),
    )
}


def cache_folder() -> Path:
    base = os.environ.get("RECONCILE_LAB_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "reconcile-lab"


def archive(recipe: Recipe) -> Path:
    """The archive of this root; built first where there is none yet, by one process at a time."""
    folder = cache_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{recipe.name}-{recipe.digest}.tar.zst"
    if not path.exists():
        with _alone(folder / f"{recipe.name}.lock"):
            if not path.exists():
                _build(recipe, path)
    return path


def build_all(names: Iterable[str] = tuple(RECIPES_BY_NAME)) -> None:
    """Several at once, each in a process of its own: `python -m lab.roots` does this."""
    children: dict[int, str] = {}
    for name in names:
        child = os.fork()
        if child == 0:
            try:
                archive(RECIPES_BY_NAME[name])
                os._exit(0)
            except BaseException as error:
                os.write(2, f"{name}: {error}\n".encode())
                os._exit(1)
        children[child] = name
    failed = [name for child, name in children.items() if os.waitpid(child, 0)[1] != 0]
    if failed:
        raise LabError(f"not built: {', '.join(failed)}")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(recipe: Recipe, path: Path) -> None:
    require("mmdebstrap", "zstd", "tar", "apt-get")
    environment = {name: os.environ[name] for name in PROXY_VARIABLES if name in os.environ}
    environment["APT_OPTIONS"] = _apt_proxies()
    arguments = ["sh", "-s", "--", recipe.suite, _mirror(), *recipe.packages]
    script = (RECIPES / recipe.script).read_bytes()
    namespaces = Namespaces(network=False, environment=environment)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{recipe.name}-") as file:
            result = namespaces.commander.run(arguments, input=script, timeout=BUILD_SECONDS, stdout=file.fileno())
            if result.code != 0:
                said = result.stderr.decode(errors="replace").strip()
                raise LabUnavailable(f"the root {recipe.name} could not be built: {said[-800:]}")
            os.link(file.name, path)
    finally:
        namespaces.close()


def _mirror() -> str:
    """The Debian mirror of this computer's apt, from either of its two file formats: apt itself reads them."""
    if chosen := os.environ.get("RECONCILE_LAB_MIRROR"):
        return chosen
    for address in _apt("apt-get", "indextargets", "--format", "$(REPO_URI)"):
        if address.rstrip("/").endswith("/debian"):
            return address
    raise LabUnavailable("this computer's apt has no Debian mirror (name one in RECONCILE_LAB_MIRROR)")


def _apt_proxies() -> str:
    wanted = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Retries")
    return "\n".join(line for line in _apt("apt-config", "dump") if line.startswith(wanted))


def _apt(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise LabUnavailable(f"{' '.join(command[:2])}: {done.stderr.strip()[-300:]}")
    return done.stdout.splitlines()


if __name__ == "__main__":
    build_all()
