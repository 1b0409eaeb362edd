"""systemctl, of the system or of a user (behind a constant script): units are files on the simulated machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from reconciler.model.facts import CommandResult

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

SYSTEM = ("/etc/systemd/system", "/usr/lib/systemd/system")
Unit = dict[str, str]


def answer(machine: Machine, argv: tuple[str, ...], user: str) -> CommandResult:
    if not machine.life.systemd:
        return CommandResult(1, "")
    whose, words = _read(argv, user)
    if words[0] == "list-unit-files":
        names = sorted(name for name, unit in _known(machine, whose).items() if unit["file"] == "enabled")
        return CommandResult(0, "".join(f"{name} enabled enabled\n" for name in names))
    assert words[0] == "show" and words[2] == "--"
    properties = words[1].removeprefix("--property=").split(",")
    blocks = (_described(name, _unit(machine, whose, name)) for name in words[3:])
    return CommandResult(0, "\n".join("".join(f"{key}={block[key]}\n" for key in properties) for block in blocks))


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert machine.life.systemd, "System has not been booted with systemd as init system (PID 1). Can't operate."
    whose, (verb, *names) = _read(argv, user)
    for name in names:
        unit = _unit(machine, whose, name)
        match verb:
            case "mask" | "unmask":
                known = _known(machine, whose)
                known[name] = {"active": unit["active"], "file": "masked" if verb == "mask" else "disabled"}
                continue
            case "enable":
                assert unit["file"], f"Failed to enable unit: Unit {name} does not exist"
                assert unit["file"] != "masked", f"Failed to enable unit: Unit {name} is masked"
                unit["file"] = "enabled" if unit["file"] == "disabled" else unit["file"]
            case "disable":
                assert unit["file"], f"Failed to disable unit: Unit {name} does not exist"
                unit["file"] = "disabled" if unit["file"] == "enabled" else unit["file"]
            case "start":
                assert unit["file"], f"Failed to start {name}: Unit {name} not found."
                assert unit["file"] != "masked", f"Failed to start {name}: Unit {name} is masked."
                unit["active"] = "active"
            case "stop":
                unit["active"] = "inactive"
            case _:
                raise AssertionError(f"Unknown command verb {verb}.")
        _known(machine, whose)[name] = unit
    if verb == "daemon-reload":
        machine.memory.setdefault("reloaded", {})[whose] = True


def _read(argv: tuple[str, ...], user: str) -> tuple[str, tuple[str, ...]]:
    """Whose systemd is meant, and the words."""
    words = argv[argv.index("systemctl") + 1 :]
    if argv[0] == "sh":
        assert "systemctl --user" in argv[2]
        return user, words
    return "", words


def _known(machine: Machine, whose: str) -> dict[str, Unit]:
    """What systemd remembers of units: whether they are enabled, and run."""
    return cast(dict[str, Unit], machine.memory.setdefault(f"systemd {whose}", {}))


def _unit(machine: Machine, whose: str, name: str) -> Unit:
    """`file` is empty where there is no such unit."""
    folders = (f"{machine.accounts[whose]}/.config/systemd/user",) if whose else SYSTEM
    text = next((machine.text(f"{folder}/{name}") for folder in folders if f"{folder}/{name}" in machine.nodes), None)
    known = _known(machine, whose).get(name)
    if known and (text is not None or known["file"] == "masked"):
        return dict(known)
    if text is None:
        return {"file": "", "active": "inactive"}
    return {"file": "disabled" if "[Install]" in text else "static", "active": "inactive"}


def _described(name: str, unit: Unit) -> dict[str, str]:
    load = {"": "not-found", "masked": "masked"}.get(unit["file"], "loaded")
    return {
        "Id": name,
        "Names": name,
        "LoadState": load,
        "UnitFileState": unit["file"],
        "ActiveState": unit["active"],
        "NeedDaemonReload": unit.get("stale", "no"),
        "Type": unit.get("type", "simple"),
        "RemainAfterExit": "no",
        "ConditionResult": unit.get("condition", "yes"),
        "ConditionTimestampMonotonic": "1" if "condition" in unit else "0",
    }
