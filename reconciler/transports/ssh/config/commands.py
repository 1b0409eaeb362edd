"""Running a `Match exec`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import Final

from reconciler.model.errors import Problem, ReconcileError
from reconciler.model.tree import Origin
from reconciler.transports.ssh.config.values import Local

LONGEST_SECONDS: Final = 10.0


def succeeds(command: str, local: Local, origin: Origin) -> bool:
    """As ssh does it: by the person's own shell, with nothing to read and nowhere to write, and with their rights."""
    shell = local.environment.get("SHELL") or "/bin/sh"
    user, group, groups = rights(local)
    try:
        process = subprocess.Popen(
            [shell, "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=local.environment,
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=groups,
        )
    except OSError as error:
        raise _failed(f"cannot be run by {shell}: {error.strerror}", origin, "set SHELL to your shell") from None
    try:
        code = process.wait(LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        why = f"did not end within {LONGEST_SECONDS:g} seconds"
        raise _failed(why, origin, f"see what hangs in  {command}") from None
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code < 0:
        raise _failed(f"was ended by signal {-code}", origin, f"see what is wrong with  {command}")
    return code == 0


def rights(local: Local) -> tuple[int | None, int | None, list[int] | None]:
    """User, group and further groups to become. Under sudo we are root, or act as the person with root within reach:
    a command gets neither."""
    if os.getuid() != 0 or local.uid == 0:
        return None, None, None
    return local.uid, local.gid, [local.gid] if os.geteuid() == 0 else None


def _failed(why: str, origin: Origin, fix: str) -> ReconcileError:
    return ReconcileError([Problem(f"the command of this Match {why}", origin, fix)])
