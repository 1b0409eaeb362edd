"""The keys of .wslconfig in the Windows user's profile, for all distros together. `wsl --shutdown` puts a change into
force.

Source: microsoft/WSL src/windows/common/WslCoreConfig.{h,cpp}
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from reconciler.formats.wsl_ini.keys import Key, ValueType

_NETWORKING_MODES = MappingProxyType(
    {
        "None": "None",
        "Nat": "Nat",
        "Bridged": "Bridged",
        "Mirrored": "Mirrored",
        "Consomme": "Consomme",
        "VirtioProxy": "Consomme",
    }
)
_RECLAIM_MODES = MappingProxyType({"Disabled": "Disabled", "Gradual": "Gradual", "DropCache": "DropCache"})


def _boolean(name: str, default: bool, description: str, note: str = "", aliases: tuple[str, ...] = ()) -> Key:
    return Key(name=name, type=ValueType.BOOLEAN, default=default, description=description, note=note, aliases=aliases)


def _integer(name: str, default: int, description: str, note: str = "") -> Key:
    return Key(name=name, type=ValueType.INTEGER, default=default, description=description, note=note)


def _size(name: str, default: int, description: str, note: str = "") -> Key:
    return Key(name=name, type=ValueType.SIZE, default=default, description=description, note=note)


def _text(name: str, description: str, note: str = "", read_as: ValueType = ValueType.TEXT) -> Key:
    return Key(name=name, type=read_as, default="", description=description, note=note)


def _path(name: str, description: str, note: str = "") -> Key:
    return _text(name, description, note, ValueType.PATH)


_SAME_SLOT = "The spelling under [experimental] is the same setting: the first of both counts."

WSLCONFIG_KEYS: Final = (
    _path("wsl2.kernel", "A Linux kernel of one's own.", "The policy AllowKernelUserSetting can forbid it."),
    _path("wsl2.kernelModules", "The disk with the modules of that kernel.", "Same policy as wsl2.kernel."),
    _text("wsl2.kernelCommandLine", "Appended to the kernel's command line.", "A policy can forbid it."),
    _size(
        "wsl2.memory",
        0,
        "Memory of the virtual machine; unset, half of the host's.",
        "A number without a unit is bytes, and everything below 256MB means 256MB.",
    ),
    _integer("wsl2.processors", 0, "Processors of the virtual machine; 0 or less, all.", "Cut to what the host has."),
    _size(
        "wsl2.swap",
        2**64 - 1,
        "Size of the swap file; 0 is none; unset, a quarter of the memory in whole gigabytes.",
    ),
    _path("wsl2.swapFile", "Where the swap file is; unset, in the user's temporary folder."),
    _boolean(
        "wsl2.localhostForwarding",
        True,
        "Reach ports of the virtual machine through localhost of Windows.",
        "No effect with networkingMode Mirrored.",
    ),
    _boolean(
        "wsl2.nestedVirtualization",
        True,
        "Let the virtual machine run virtual machines.",
        "False by default on ARM and Windows 10; a policy can forbid it.",
    ),
    Key(
        name="wsl2.networkingMode",
        type=ValueType.CHOICE,
        default="Nat",
        description="How the virtual machine reaches the network.",
        note="Consomme was called VirtioProxy before WSL 2.9.0. Mirrored needs Windows 11 22H2, else it is Nat.",
        aliases=("experimental.networkingMode",),
        choices=_NETWORKING_MODES,
    ),
    _boolean(
        "wsl2.firewall",
        True,
        "Apply the Hyper-V firewall to the virtual machine.",
        f"Always on with networkingMode Mirrored. {_SAME_SLOT}",
        ("experimental.firewall",),
    ),
    _boolean(
        "wsl2.dnsTunneling",
        True,
        "Resolve names through Windows instead of DNS packets.",
        f"Off with networkingMode None and Bridged. {_SAME_SLOT}",
        ("experimental.dnsTunneling",),
    ),
    _boolean(
        "wsl2.autoProxy",
        True,
        "Set the proxy variables after the proxy of Windows.",
        _SAME_SLOT,
        ("experimental.autoProxy",),
    ),
    _boolean("wsl2.dnsProxy", True, "Without tunneling, use the NAT gateway as name server.", "Nat only."),
    _boolean("wsl2.ipv6", False, "IPv6 in the virtual machine's network."),
    _boolean("wsl2.dhcp", True, "Take an address by DHCP.", "Bridged only."),
    _integer("wsl2.dhcpTimeout", 5_000, "Milliseconds to wait for DHCP."),
    _text("wsl2.vmSwitch", "The Hyper-V switch of networkingMode Bridged."),
    _text(
        "wsl2.macAddress",
        "The MAC address in networkingMode Bridged; unset, random.",
        "A wrong one keeps WSL from starting.",
        ValueType.MAC_ADDRESS,
    ),
    _boolean("wsl2.guiApplications", True, "Let Linux programs show windows."),
    _boolean("wsl2.gpuSupport", True, "Share the GPU."),
    _integer("wsl2.vmIdleTimeout", 60_000, "Milliseconds until the idle virtual machine stops."),
    _boolean("wsl2.safeMode", False, "Start with most features off, for rescue."),
    _size("wsl2.defaultVhdSize", 2**40, "Largest size of the disk of a new distro."),
    _boolean("wsl2.debugConsole", False, "Show the kernel's log in a window."),
    _path("wsl2.debugConsoleLogFile", "Write the kernel's log to a file."),
    _boolean("wsl2.earlyBootLogging", False, "Log from the first moment of the start.", "On with a debug console."),
    _integer("wsl2.kernelDebugPort", 0, "The port for debugging the kernel; 0 is off.", "A policy can forbid it."),
    _integer("wsl2.maxCrashDumpCount", 10, "How many crash dumps are kept."),
    _path("wsl2.crashDumpFolder", "Where crash dumps go; unset, wsl-crashes in the user's temporary folder."),
    _boolean("wsl2.virtio", True, "Use virtio devices.", "False by default on ARM with Windows 10."),
    _boolean("wsl2.virtio9p", False, "Share drives by 9p over virtio.", "Forced to false, with a warning."),
    _boolean("wsl2.virtiofs", False, "Share drives by virtiofs, which is faster than 9p."),
    _boolean("wsl2.hostFileSystemAccess", True, "Let Linux reach the Windows drives.", "False: no drive is mounted."),
    _integer("wsl2.kernelBootTimeout", 30_000, "Milliseconds to wait for the kernel."),
    _integer("wsl2.distributionStartTimeout", 60_000, "Milliseconds to wait for a distro to start."),
    _integer("wsl2.mountDeviceTimeout", 5_000, "Milliseconds to wait for a disk to be mounted."),
    _boolean("wsl2.hardwarePerformanceCounters", True, "Hardware counters for perf.", "False by default on ARM."),
    _boolean("wsl2.telemetry", True, "Send usage data to Microsoft.", "True in official builds."),
    _path("wsl2.systemDistro", "A system distro of one's own.", "A policy can forbid it."),
    _text("wsl2.loadKernelModules", "Kernel modules to load, with commas between them."),
    _boolean("wsl2.loadDefaultKernelModules", True, "Load tun, ip_tables and br_netfilter."),
    _boolean("wsl2.isolateDistroCgroup", True, "A cgroup for each distro.", "Newer than WSL 2.9.4."),
    _path("general.distributionInstallPath", r"Where new distros are put; unset, %LocalAppData%\wsl."),
    _integer(
        "general.instanceIdleTimeout",
        15_000,
        "Milliseconds until an idle distro stops.",
        "A negative number never stops it.",
    ),
    Key(
        name="experimental.autoMemoryReclaim",
        type=ValueType.CHOICE,
        default="DropCache",
        description="Give cached memory back to Windows.",
        choices=_RECLAIM_MODES,
    ),
    _boolean("experimental.sparseVhd", False, "Make the disks of new distros sparse."),
    _boolean(
        "experimental.bestEffortDnsParsing",
        False,
        "Resolve also what Windows cannot parse wholly.",
        "Needs dnsTunneling.",
    ),
    _text(
        "experimental.dnsTunnelingIpAddress",
        "The name server's address with dnsTunneling; unset, 10.255.255.254.",
        "A wrong one turns dnsTunneling off.",
        ValueType.IPV4_ADDRESS,
    ),
    _integer("experimental.initialAutoProxyTimeout", 1_000, "Milliseconds to wait for the proxy at the start."),
    _text(
        "experimental.ignoredPorts",
        "Ports that Linux may use though Windows does.",
        "Mirrored only.",
        ValueType.PORTS,
    ),
    _boolean("experimental.hostAddressLoopback", False, "Reach Windows by its own addresses.", "Mirrored only."),
    _boolean("experimental.setVersionDebug", False, "More output from `wsl --set-version`."),
    _size("experimental.swiotlb", 0, "Size of the bounce buffers; 0 lets WSL choose."),
    _boolean("experimental.virtioFsAggregateShares", True, "One virtiofs device for all drives."),
)
