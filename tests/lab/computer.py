"""A machine without its sshd: power, disk, cable, and programs run in it out of band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.channel import pair
from lab.commander import STEP_SECONDS, Commander, LabError, Process, Result
from lab.control_groups import ControlGroups
from lab.namespaces import Namespaces

NETWORK_PREFIX = 16
DISKS = "/tmp/disks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """`lower` is the unpacked root, `disk_mib` what may be written over it, `run_mib` what fits into /run."""

    name: str
    number: int
    lower: str
    disk_mib: int
    run_mib: int
    control_groups: ControlGroups | None = None

    @property
    def address(self) -> str:
        return f"10.77.{self.number >> 8}.{self.number & 255}"


class Computer:
    def __init__(self, namespaces: Namespaces, hardware: Hardware) -> None:
        self.hardware, self.name, self.address = hardware, hardware.name, hardware.address
        self._namespaces, self._inside = namespaces, namespaces.commander
        self._disk = f"{DISKS}/{hardware.number}"
        self._one: Commander | None = None
        self._life: Process | None = None
        self._has_lived = False
        size = f"size={hardware.disk_mib}m,mode=755"
        make_disk = 'mkdir -p "$1" && mount -t tmpfs -o "$2" disk "$1" && mkdir "$1/upper" "$1/work"'
        self._inside.succeed(["sh", "-c", make_disk, "sh", self._disk, size])

    @property
    def commander(self) -> Commander:
        if self._one is None:
            raise LabError(f"{self.name} is not running")
        return self._one

    def kill(self) -> None:
        """Power cut: everything in it dies at once, the disk stays (without what a real page cache would lose)."""
        if self._life is not None:
            self._inside.kill(self._life)
            self._life.wait_for("code")
        self._forget()

    def await_power_off(self, seconds: float = STEP_SECONDS) -> None:
        """By itself: somebody in there asked for it, or for a reboot."""
        if self._life is not None:
            self._life.wait_for("code", seconds)
        self._forget()

    def scrap(self) -> None:
        """Without its disk."""
        self.kill()
        self._inside.run(["umount", self._disk])
        if self.hardware.control_groups:
            self.hardware.control_groups.remove(str(self.hardware.number))

    def _way_into_its_control_group(self) -> list[int]:
        """A new one for each life; the files of the last one are of no use to systemd."""
        if self.hardware.control_groups is None:
            return []
        self.hardware.control_groups.remove(str(self.hardware.number))
        return [self.hardware.control_groups.found(str(self.hardware.number))]

    def _forget(self) -> None:
        if self._life is not None:
            self._life.close()
        if self._one is not None:
            self._one.close()
        self._one = self._life = None

    def power_on(self) -> None:
        """Returns when its process 1 serves, in its own root and with its users shifted."""
        if self._one is not None:
            raise LabError(f"{self.name} is running already")
        ours, theirs = pair()
        ours.settimeout(STEP_SECONDS)
        runner_root = Path("/").stat()
        try:
            self._life = self._inside.ask(
                "boot",
                [theirs.detach(), *self._way_into_its_control_group()],
                name=self.name,
                address=self.address,
                prefix=NETWORK_PREFIX,
                disk=self._disk,
                lower=self.hardware.lower,
                run_options=f"size={self.hardware.run_mib}m,mode=755",
                runner_root=[runner_root.st_dev, runner_root.st_ino],
            )
            self._one = Commander(ours)
            self._life.wait_for("born")
            self._plug_in(self._life.wait_for("pid"))
            self._one.tell("enter")
            seen = self._life.wait_for("root")
            if seen == [runner_root.st_dev, runner_root.st_ino] or str(self._life.heard["user_map"])[:3] == "0 0":
                raise LabError("it shares the runner's root or users")
        except (LabError, TimeoutError) as error:
            self._forget()
            raise LabError(f"{self.name} did not boot: {error}\n{self._namespaces.said()}") from error

    def _plug_in(self, process_id: object) -> None:
        cable = f"v{self.hardware.number}"
        if self._has_lived:  # the end of a killed machine's cable goes away in its own time
            self._inside.run(["ip", "link", "del", cable])
        # One address for all its lives: the lab's neighbours would go on sending to that of the last one.
        hardware = f"02:00:0a:4d:{self.hardware.number >> 8:02x}:{self.hardware.number & 255:02x}"
        born = f"link add {cable} type veth peer name eth0 address {hardware} netns {process_id}\n"
        lines = f"{born}link set {cable} master br0 up\n"
        self._inside.succeed(["ip", "-batch", "-"], input=lines.encode())
        self._has_lived = True

    def run(
        self,
        arguments: Sequence[str],
        *,
        user: str = "root",
        input: bytes = b"",  # noqa: A002 # subprocess's own word
        timeout: float = STEP_SECONDS,
    ) -> Result:
        return self.commander.run(arguments, user=user, input=input, timeout=timeout)

    def read(self, path: str) -> bytes:
        return self.commander.succeed(["cat", path])

    def write(self, path: str, data: bytes | str, *, mode: int = 0o644, owner: str = "root") -> None:
        write = 'mkdir -p "$(dirname "$1")" && umask 077 && cat >"$1" && chown "$3" "$1" && chmod "$2" "$1"'
        text = data.encode() if isinstance(data, str) else data
        self.commander.succeed(["/bin/sh", "-c", write, "sh", path, f"{mode:o}", owner], input=text)

    def fill(self, *, leave_bytes: int = 0) -> None:
        """The disk is full but for `leave_bytes` (in whole pages of 4096)."""
        fill = "cat /dev/zero >/.lab-fill 2>/dev/null || :"
        self.commander.succeed(["/bin/sh", "-c", fill])
        if leave_bytes:
            size = int(self.commander.succeed(["stat", "-c", "%s", "/.lab-fill"]))
            self.commander.succeed(["truncate", "-s", str(max(0, size - leave_bytes)), "/.lab-fill"])

    def make_room(self) -> None:
        self.commander.succeed(["rm", "-f", "/.lab-fill"])
