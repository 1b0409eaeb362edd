"""The keys of /etc/wsl.conf. All are read when the distro starts: `wsl --terminate` puts a change into force.

Source: microsoft/WSL src/linux/init/WslDistributionConfig.{h,cpp}
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from reconciler.formats.wsl_ini.keys import Key, ValueType

_CGROUPS = MappingProxyType({"v1": "v1", "v2": "v2"})

WSL_CONF_KEYS: Final = (
    Key(
        name="automount.enabled",
        type=ValueType.BOOLEAN,
        default=True,
        description="Mount the Windows drives under automount.root.",
    ),
    Key(
        name="automount.root",
        type=ValueType.MOUNT_ROOT,
        default="/mnt/",
        description="The directory the Windows drives are mounted under.",
        note="Also moves the shared wsl/ directory, and with it what /etc/resolv.conf points to.",
    ),
    Key(
        name="automount.options",
        type=ValueType.TEXT,
        default=None,
        description="Options for the drives, after noatime, uid and gid of the default user.",
        note="Only options of drvfs (metadata, uid, gid, umask, fmask, dmask, case); others belong in /etc/fstab.",
    ),
    Key(
        name="automount.mountFsTab",
        type=ValueType.BOOLEAN,
        default=True,
        description="Run `mount -a` when the distro starts.",
        note="It runs before the drives are mounted, so /mnt/c does not exist yet.",
    ),
    Key(
        name="automount.ldconfig",
        type=ValueType.BOOLEAN,
        default=True,
        description="Write /etc/ld.so.conf.d/ld.wsl.conf and run ldconfig, for the GPU libraries.",
    ),
    Key(
        name="automount.cgroups",
        type=ValueType.CHOICE,
        default="v2",
        description="The layout of the cgroup file systems.",
        note="Since WSL 2.6.2. v1 does not go together with wsl2.isolateDistroCgroup.",
        choices=_CGROUPS,
    ),
    Key(
        name="filesystem.umask",
        type=ValueType.INTEGER,
        default=0o022,
        description="The umask of every session.",
        note="Read like a C literal: 022 is octal, 22 is decimal and means 026.",
    ),
    Key(
        name="interop.enabled",
        type=ValueType.BOOLEAN,
        default=True,
        description="Let Linux start Windows programs.",
        note="VS Code Remote and other tools need it.",
    ),
    Key(
        name="interop.appendWindowsPath",
        type=ValueType.BOOLEAN,
        default=True,
        description="Append the Windows PATH to the Linux one.",
    ),
    Key(
        name="network.generateHosts",
        type=ValueType.BOOLEAN,
        default=True,
        description="Rewrite /etc/hosts at every start of the distro.",
    ),
    Key(
        name="network.generateResolvConf",
        type=ValueType.BOOLEAN,
        default=True,
        description="Put a link at /etc/resolv.conf at every start of the distro and every new session.",
        note="When false, WSL still removes its own link and then leaves no file behind.",
    ),
    Key(
        name="network.hostname",
        type=ValueType.TEXT,
        default=None,
        description="The host name; unset, the Windows computer name.",
        note="WSL cleans it silently: letters, digits, inner hyphens, at most one dot, 64 characters.",
    ),
    Key(
        name="time.useWindowsTimezone",
        type=ValueType.BOOLEAN,
        default=True,
        description="Rewrite /etc/localtime and /etc/timezone after the time zone of Windows.",
    ),
    Key(
        name="fileServer.enabled",
        type=ValueType.BOOLEAN,
        default=True,
        description=r"Serve the distro's files as \\wsl.localhost.",
    ),
    Key(
        name="fileServer.logFile",
        type=ValueType.TEXT,
        default=None,
        description="Where the file server logs, for debugging.",
    ),
    Key(
        name="fileServer.logLevel",
        type=ValueType.INTEGER,
        default=4,
        description="How much the file server logs.",
    ),
    Key(
        name="fileServer.logTruncate",
        type=ValueType.BOOLEAN,
        default=True,
        description="Empty the file server's log at every start.",
    ),
    Key(
        name="gpu.enabled",
        type=ValueType.BOOLEAN,
        default=True,
        description="Mount the GPU libraries of Windows.",
    ),
    Key(
        name="gpu.appendLibPath",
        type=ValueType.BOOLEAN,
        default=True,
        description="Append /usr/lib/wsl/lib to PATH.",
    ),
    Key(
        name="user.default",
        type=ValueType.TEXT,
        default=None,
        description="The name of the user that sessions start as.",
        note="An unknown name is no error: WSL falls back to the registry's user, then to root.",
    ),
    Key(
        name="boot.command",
        type=ValueType.TEXT,
        default=None,
        description="A command that sh runs as root, in the background, when the distro starts.",
    ),
    Key(
        name="boot.systemd",
        type=ValueType.BOOLEAN,
        default=False,
        description="Run systemd as process 1.",
        note="WSL 2 only, since 0.67.6; ignored where /sbin/init cannot be run.",
    ),
    Key(
        name="boot.initTimeout",
        type=ValueType.INTEGER,
        default=10_000,
        description="Milliseconds to wait for systemd when a session starts and when the distro stops.",
        note="0 or less does not wait.",
    ),
    Key(
        name="boot.protectBinfmt",
        type=ValueType.BOOLEAN,
        default=True,
        description="Keep systemd from removing the entry that lets Linux start Windows programs.",
        note="Done by a mount since WSL 2.8.9, by systemd drop-ins before.",
    ),
    Key(
        name="general.guiApplications",
        type=ValueType.BOOLEAN,
        default=False,
        description="Let this distro show windows.",
        note="Unset, it follows wsl2.guiApplications of .wslconfig.",
    ),
)
