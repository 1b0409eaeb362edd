"""The program at the bottom of the lab: enters the namespaces, then is process 1 of them and the mother of machines.

Started by `namespaces.py` as  python -m lab.inside CHANNEL DIAL_CHANNEL network|no-network  with nothing in its
environment. Nothing here ever executes a program of a machine before the machine's root was seen to be its own.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from lab import kernel
from lab.channel import ClosedError, Message, close, close_all_but, receive, report, send
from lab.process_one import ProcessOne, give_up

SCRATCH = "/tmp"
HARMLESS = kernel.NO_SETUID | kernel.NO_DEVICES | kernel.NO_PROGRAMS
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}


def main() -> NoReturn:
    channel = socket.socket(fileno=int(sys.argv[1]))
    dial = socket.socket(fileno=int(sys.argv[2]))
    runner = os.getppid()
    kernel.die_with_parent(signal.SIGKILL, runner)
    kernel.unshare(kernel.NEW_USERS)
    send(channel, Message(what="map me"))
    if receive(channel).what != "mapped":
        os._exit(1)
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    kernel.die_with_parent(signal.SIGKILL, runner)
    own_network = kernel.NEW_NETWORK if sys.argv[3] == "network" else 0
    kernel.unshare(kernel.NEW_MOUNTS | kernel.NEW_PROCESSES | kernel.NEW_IPC | kernel.NEW_HOST_NAME | own_network)
    child = os.fork()
    if child == 0:
        _first(channel, dial)
    close_all_but([0, 1, 2])
    _pid, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _first(channel: socket.socket, dial: socket.socket) -> NoReturn:
    try:
        # The parent is in the outer process namespace: seen from here its number is 0.
        kernel.die_with_parent(signal.SIGKILL, 0)
        _require_shifted_map()
        kernel.mount("none", "/", flags=kernel.RECURSIVE | kernel.PRIVATE)
        kernel.mount("lab", SCRATCH, "tmpfs", kernel.NO_DEVICES, "mode=755")
        kernel.mount("proc", "/proc", "proc", HARMLESS)
        own_processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        one = ProcessOne(channel)
        one.handlers["boot"] = lambda message: _boot(one, message, own_processes)
        one.more_channels[dial] = lambda: _give_socket(dial)
        send(channel, Message(what="ready", fields={"user_map": kernel.user_map()}))
        one.serve()
    except ClosedError:
        os._exit(0)
    except BaseException as error:
        give_up(error)


def _require_shifted_map() -> None:
    """Rule 2 of the lab: whoever is root in here must be nobody outside, or /proc/sys is writable."""
    lines = [line.split() for line in kernel.user_map().splitlines()]
    if len(lines) != 1 or lines[0][0] != "0" or int(lines[0][1]) < 65_536:
        raise RuntimeError(f"the user map is not shifted: {lines}")


def _give_socket(dial: socket.socket) -> None:
    """A TCP socket of the lab's network for the runner's relay, which lives outside of it."""
    if not dial.recv(1):
        raise ClosedError
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        socket.send_fds(dial, [b"s"], [connection.fileno()])


def _boot(one: ProcessOne, message: Message, own_processes: int) -> None:
    kernel.unshare(kernel.NEW_PROCESSES)
    try:
        child = os.fork()
        if child == 0:
            _machine(message)
    finally:
        kernel.children_born_in(own_processes)
    one.adopt(child, message)


def _machine(message: Message) -> NoReturn:
    """Process 1 of a machine. Descriptors: its channel, perhaps the way into its control group, the status pipe."""
    own_end, *control_group, status = message.descriptors
    try:
        close_all_but([0, 1, 2, *message.descriptors])
        signal.set_wakeup_fd(-1)
        if control_group:
            os.write(control_group[0], b"0")
            close(control_group)
            kernel.unshare(kernel.NEW_CONTROL_GROUPS)
        channel = socket.socket(fileno=own_end)
        kernel.unshare(kernel.NEW_MOUNTS | kernel.NEW_NETWORK | kernel.NEW_IPC | kernel.NEW_HOST_NAME)
        kernel.call_myself("init")
        report(status, born=True)
        if receive(channel).what != "enter":
            os._exit(1)
        _bring_network_up(message.text("address"), message.number("prefix"))
        socket.sethostname(message.text("name"))
        _enter_root(message, with_control_groups=bool(control_group))
        seen = Path("/").stat()
        if [seen.st_dev, seen.st_ino] == message.fields["runner_root"]:
            raise RuntimeError("the machine's root is the runner's root")
        _require_shifted_map()
        report(status, root=[seen.st_dev, seen.st_ino], user_map=kernel.user_map())
        close([status])
        one = ProcessOne(channel)
        one.handlers["hand over"] = one.hand_over
        one.serve()
    except BaseException as error:
        report(status, error=f"{type(error).__name__}: {error}")
        os._exit(1)


def _bring_network_up(address: str, prefix: int) -> None:
    commands = f"link set lo up\naddress add {address}/{prefix} dev eth0\nlink set eth0 up\n"
    reading, writing = os.pipe()
    os.write(writing, commands.encode())
    os.close(writing)
    child = os.fork()
    if child == 0:
        os.dup2(reading, 0)
        os.execvpe("ip", ["ip", "-batch", "-"], {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})
    os.close(reading)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError("ip could not bring eth0 up")


def _enter_root(message: Message, *, with_control_groups: bool) -> None:
    """Overlay of the cached root and the machine's own disk; /dev, /proc and /run as any machine has them."""
    disk, root = message.text("disk"), message.text("disk") + ".root"
    Path(root).mkdir(exist_ok=True)
    layers = f"lowerdir={message.text('lower')},upperdir={disk}/upper,workdir={disk}/work,userxattr"
    kernel.mount("root", root, "overlay", 0, layers)
    for name in ("dev", "proc", "run"):
        Path(root, name).mkdir(exist_ok=True)
    kernel.mount("dev", f"{root}/dev", "tmpfs", kernel.NO_SETUID, "size=1m,mode=755")
    for name in DEVICES:
        Path(root, "dev", name).touch()
        kernel.mount(f"/dev/{name}", f"{root}/dev/{name}", flags=kernel.BIND)
    for name in ("pts", "shm"):
        Path(root, "dev", name).mkdir()
    kernel.mount("devpts", f"{root}/dev/pts", "devpts", kernel.NO_SETUID, "newinstance,ptmxmode=666,mode=620,gid=5")
    kernel.mount("shm", f"{root}/dev/shm", "tmpfs", kernel.NO_SETUID | kernel.NO_DEVICES, "size=8m,mode=1777")
    for link, target in LINKS.items():
        Path(root, "dev", link).symlink_to(target)
    kernel.mount("proc", f"{root}/proc", "proc", HARMLESS)
    kernel.mount("run", f"{root}/run", "tmpfs", kernel.NO_SETUID | kernel.NO_DEVICES, message.text("run_options"))
    if with_control_groups:
        kernel.mount("sysfs", f"{root}/sys", "sysfs", HARMLESS | kernel.READ_ONLY)
        kernel.mount("cgroup2", f"{root}/sys/fs/cgroup", "cgroup2", HARMLESS)
    kernel.make_root(root)


if __name__ == "__main__":
    try:
        main()
    except ClosedError:
        os._exit(0)
    except BaseException as error:
        give_up(error)
