"""What machines elsewhere cost: `PYTHONPATH=tests python tests/benchmarks/ssh.py`. Ratios of one run, no verdict.

Machines of the lab. Prints wall times over that of the user's own `ssh HOST true`, which does nothing; and what a machine
more costs when many are asked at once.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lab.accounts import User
from lab.keys import make_key
from lab.machines import Lab
from lab.office import Office

RUNS = 7
MACHINES = 10
BODY = """\
distro:
  files: {/etc/hello: {content: "hello\\n", owner: root, mode: "0640"}}
  directories: {/opt/team: {owner: root, mode: "0755"}}
user:
  files: {~/.config/git/ignore: {content: "*.test\\n"}}
"""


def wall_seconds(run: Callable[[], object]) -> float:
    """The median of several runs, after one to warm up."""
    found = []
    for _ in range(RUNS + 1):
        began = time.monotonic()
        run()
        found.append(time.monotonic() - began)
    return statistics.median(found[1:])


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lab").mkdir()
        lab = Lab(folder / "lab")
        try:
            measure(lab, folder)
        finally:
            lab.close()


def measure(lab: Lab, folder: Path) -> None:
    key = make_key(folder / "id_ed25519")
    office = Office(folder / "office")
    office.has_key(key)
    users = {"root": User(keys=[key.public])}
    machines = {f"m{number}": lab.machine(users=users, disk_mib=32) for number in range(MACHINES)}
    office.knows(*machines.values())
    office.declares({name: (machine, "root") for name, machine in machines.items()}, BODY)
    first = machines["m0"]
    ssh = ["ssh", "-F", "none", "-i", str(office.ssh / "id_ed25519"), "-p", str(first.port)]
    ssh += ["-o", f"UserKnownHostsFile={office.ssh / 'known_hosts'}", f"root@{first.host}", "true"]
    unit = wall_seconds(lambda: subprocess.run(ssh, check=True, stdin=subprocess.DEVNULL))
    sys.stdout.write(f"ssh HOST true: {unit * 1000:.0f} ms\n")

    def told(what: str, *words: str) -> float:
        taken = wall_seconds(lambda: office.run(*words))
        sys.stdout.write(f"{what}: {taken / unit:4.1f} times that ({taken * 1000:.0f} ms)\n")
        return taken

    one = told("plan of 1 machine", "plan", "-l", "m0")
    many = told(f"plan of {MACHINES} machines", "plan", "--all")
    sys.stdout.write(f"  a machine more: {(many - one) / (MACHINES - 1) / unit:5.2f} times that\n")
    office.run("apply", "--all", "--yes")
    told("apply of 1 machine, nothing to do", "apply", "-l", "m0", "--yes")
    told(f"apply of {MACHINES} machines, nothing to do", "apply", "--all", "--yes")


if __name__ == "__main__":
    main()
