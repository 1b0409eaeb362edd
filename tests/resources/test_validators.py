"""Files by which one can lock oneself out are looked at by their own programs first."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.resources.validators import validator

SOUND = {
    "/etc/ssh/sshd_config": "Port 22\n",
    "/etc/sudoers.d/dev": "dev ALL=(ALL) NOPASSWD: ALL\n",
    "/etc/sudoers": "root ALL=(ALL) ALL\n",
}


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.skipif(os.geteuid() != 0, reason="sshd reads host keys as root only")
def test_a_program_takes_what_is_sound_and_nothing_else(path: str, tmp_path: Path) -> None:
    words = validator(path)
    if shutil.which(words[0], path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
        pytest.skip(f"{words[0]} is not installed")

    def code(text: str) -> int:
        staged = tmp_path / ".reconcile.ab.1"
        staged.write_text(text)
        staged.chmod(0o440)
        return subprocess.run(
            [*words, staged], capture_output=True, timeout=20, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        ).returncode

    if words[0] == "sshd" and not Path("/run/sshd").is_dir():
        pytest.skip("no sshd has run here")
    assert code(SOUND[path]) == 0
    assert code("Nonsense at all\n") != 0


@pytest.mark.parametrize("path", ["/etc/hosts", "/etc/ssh/sshd_config.d/x.conf", "/etc/sudoers.d/a/b", "~/etc/sudoers"])
def test_nobody_looks_at_what_no_program_can_judge_alone(path: str) -> None:
    assert validator(path) == ()
