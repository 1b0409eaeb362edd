"""How long a plan takes, as a multiple of starting Python: `python tests/benchmarks/plan.py`. Ratios of one run, no verdict.

Prints, for a few sizes of repo, the CPU time of the whole tree of processes over that of `python -c pass`.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 5
FILES = (1, 10, 100, 1000)


def cpu_seconds(argv: list[str], environment: dict[str, str]) -> float:
    """The median of several runs, after one to warm up."""
    found = []
    for _ in range(RUNS + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, env=environment, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(found[1:])


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "root/etc").mkdir(parents=True)
        (folder / "root/etc/passwd").write_text(f"root:x:{os.geteuid()}:{os.getegid()}::/root:/bin/sh\n")
        environment = {"HOME": name, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": ""}
        start = cpu_seconds([sys.executable, "-c", "pass"], environment)
        sys.stdout.write(f"python -c pass: {start * 1000:.0f} ms CPU\n")
        for count in FILES:
            lines = [f"    /srv/{number}: {{content: '{number}'}}" for number in range(count)]
            (folder / "reconcile.yaml").write_text("version: 1\ndistro:\n  files:\n" + "\n".join(lines) + "\n")
            argv = [sys.executable, "-m", "reconciler", "plan", "-C", name, "--root", f"{name}/root"]
            taken = cpu_seconds(argv, environment)
            sys.stdout.write(f"plan of {count:4} files: {taken / start:5.1f} times that ({taken * 1000:.0f} ms CPU)\n")


if __name__ == "__main__":
    main()
