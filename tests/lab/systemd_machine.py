"""A machine with systemd as its process 1, from a root that has it."""

from __future__ import annotations

import contextlib
import os

from lab.commander import LabError
from lab.machine import Machine
from lab.sshd import BOOT_SECONDS, SSHD_CONFIG, SSHD_DEFAULTS

RUN_MIB = 64  # it wants 16 free before it reloads its units, and keeps its journal there
SSH_SERVICE = """\
[Service]
ExecStart=
ExecStart=/usr/sbin/sshd -D -e -f {config}
StandardError=append:{log}
"""
WAIT = """\
while :; do
  state=$(systemctl is-system-running --wait 2>/dev/null) || :
  case $state in running | degraded) exit ;; esac
  sleep 0.02
done
"""


class SystemdMachine(Machine):
    """sshd is its ssh.service and asks PAM, so that who logs in has a session and a systemd of their own."""

    sshd_defaults = {**SSHD_DEFAULTS, "UsePAM": "yes"}  # noqa: RUF012 # a Mapping, as there

    def _come_up(self) -> None:
        if self.strace:
            raise LabError("strace looks at an sshd that the lab starts, here systemd does")
        self._prepare()
        already = self._log_size()
        service = SSH_SERVICE.format(config=SSHD_CONFIG, log=self._path_to_log())
        self.write("/run/systemd/system/ssh.service.d/lab.conf", service)
        environment = {"container": "lab", "PATH": self.commander.environment["PATH"]}
        handed_over = self.commander.ask("hand over", arguments=["/sbin/init"], environment=environment)
        handed_over.wait_for("serving")
        handed_over.close()
        try:
            self.commander.succeed(["/bin/sh", "-c", WAIT], timeout=BOOT_SECONDS)
        except TimeoutError as error:
            raise LabError(f"{self.name}: systemd did not finish; its journal:\n{self.journal()[-4000:]}") from error
        self._await_sshd(already)

    def _path_to_log(self) -> str:
        """The file is outside, so that it outlives the machine: a program in there holds it open."""
        log = self._open_for_all(self._log_path)
        holder = self.commander.start(["sleep", "infinity"], [os.open(os.devnull, os.O_RDONLY), log])
        path = f"/proc/{holder.wait_for('pid')}/fd/1"
        holder.close()
        return path

    def reboot(self) -> None:
        """systemd stops everything in its order, and starts what is enabled."""
        with contextlib.suppress(LabError):  # the end may be faster than the answer
            self.commander.run(["systemctl", "poweroff"])
        self.await_power_off(BOOT_SECONDS)
        self.boot()

    def start_sshd(self) -> None:
        already = self._log_size()
        self.run(["systemctl", "start", "ssh.service"])
        self._await_sshd(already)

    def _sshd_has_ended(self) -> bool:
        return self.run(["systemctl", "is-active", "--quiet", "ssh.service"]).code != 0

    def stop_sshd(self) -> None:
        self.commander.succeed(["systemctl", "stop", "ssh.service"])

    def journal(self, *options: str) -> str:
        """Of this boot. `options` are journalctl's own."""
        return self.commander.succeed(["journalctl", "--boot", "--no-pager", *options]).decode(errors="replace")
