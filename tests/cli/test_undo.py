"""`history` and `undo`: what runs did is told by the machine itself, and led back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.conftest import Machine

DOCUMENT = """\
version: 1
distro:
  wsl_conf: {boot: {systemd: true}, user: {default: dev}}
  files:
    /etc/motd: {content: "ours\\n", mode: "0600"}
    /etc/new: {content: "n\\n"}
  symlinks: {/etc/localtime: /usr/share/zoneinfo/Etc/UTC}
  directories: {/srv/deep/er: {mode: "0700"}}
user:
  go_env: {GOPROXY: "https://goproxy.cn,direct", GOFLAGS: {absent: true}}
"""
WSL_CONF = "# mine\r\n[boot]\nsystemd=false # because\n\n[odd"


@pytest.fixture
def messy(machine: Machine) -> Machine:
    """With files that no codec would write so."""
    machine.at("/etc/wsl.conf").write_text(WSL_CONF, newline="")
    machine.at("/etc/motd").write_bytes(b"theirs\xff\n")
    machine.at("/etc/motd").chmod(0o640)
    (machine.at("/etc/localtime")).symlink_to("../usr/share/zoneinfo/Europe/Paris")
    machine.write(DOCUMENT.replace("boot: {systemd: true}, user: {default: dev}", "user: {default: dev}"))
    return machine


def tree(machine: Machine) -> dict[str, object]:
    return {
        str(place.relative_to(machine.root)): (
            place.lstat().st_mode,
            place.lstat().st_uid,
            place.readlink() if place.is_symlink() else place.read_bytes() if place.is_file() else None,
        )
        for place in machine.root.rglob("*")
        if "var" not in place.parts and ".local" not in place.parts
    }


def run_ids(machine: Machine) -> list[str]:
    return [run["run"] for run in json.loads(machine.run("history", "--format", "json").out)]


def test_a_run_is_led_back_byte_for_byte(messy: Machine) -> None:
    messy.write(
        DOCUMENT.replace("wsl_conf: {boot: {systemd: true}, user: {default: dev}}\n", "wsl_conf: {repair: true}\n")
    )
    before = tree(messy)
    assert messy.run("apply", "--yes").code == 0
    assert tree(messy) != before

    done = messy.run("undo", "--yes")

    assert done.code == 0, done
    assert done.first.startswith("Undo: ")
    assert tree(messy) == before


def test_no_documents_are_needed(messy: Machine) -> None:
    messy.write("version: 1\ndistro: {files: {/etc/new: {content: x}}}\n")
    messy.run("apply", "--yes")
    messy.document.write_text("version: [")

    assert messy.run("history").code == 0
    assert messy.run("undo", "--yes").code == 0
    assert not messy.at("/etc/new").exists()


def test_what_has_moved_since_stays_item_by_item(messy: Machine) -> None:
    messy.write("version: 1\ndistro: {files: {/etc/new: {content: x}, /etc/motd: {content: y}}}\n")
    messy.run("apply", "--yes")
    messy.at("/etc/motd").write_text("somebody's")

    done = messy.run("undo", "--yes")

    assert done.code == 5
    assert "/etc/motd  blocked: it has moved since the run of " in done.out
    assert messy.at("/etc/motd").read_text() == "somebody's"
    assert not messy.at("/etc/new").exists()


def test_one_address_is_led_back_and_its_neighbours_in_the_file_stay(messy: Machine) -> None:
    messy.at("/etc/wsl.conf").write_text("[boot]\nsystemd=false\n")
    messy.write("version: 1\ndistro: {wsl_conf: {boot: {systemd: true}, user: {default: dev}}}\n")
    messy.run("apply", "--yes")

    done = messy.run("undo", "--yes", "wsl_conf:boot.systemd")

    assert done.code == 0, done
    assert "systemd=false" in messy.at("/etc/wsl.conf").read_text()
    assert "default=dev" in messy.at("/etc/wsl.conf").read_text()


def test_an_edit_by_hand_beside_ours_stays_when_ours_goes(messy: Machine) -> None:
    messy.at("/etc/wsl.conf").write_text("[boot]\nsystemd=false\n")
    messy.write("version: 1\ndistro: {wsl_conf: {boot: {systemd: true}}}\n")
    messy.run("apply", "--yes")
    with messy.at("/etc/wsl.conf").open("a") as file:
        file.write("command=by hand\n")

    assert messy.run("undo", "--yes").code == 0
    assert messy.at("/etc/wsl.conf").read_text() == "[boot]\nsystemd=false\ncommand=by hand\n"


def test_runs_are_undone_from_the_last_to_the_first(messy: Machine) -> None:
    for content in ("one", "two"):
        messy.write(f"version: 1\ndistro: {{files: {{/etc/motd: {{content: {content}}}}}}}\n")
        messy.run("apply", "--yes")

    assert messy.run("undo", "--yes").code == 0
    assert messy.at("/etc/motd").read_text() == "one"
    assert messy.run("undo", "--yes").code == 0
    assert messy.at("/etc/motd").read_bytes() == b"theirs\xff\n"
    last = messy.run("undo", "--yes")
    assert (last.code, "every run is undone already" in last.err) == (64, True)


def test_a_run_is_named_as_history_names_it(messy: Machine) -> None:
    for content in ("one", "two"):
        messy.write(f"version: 1\ndistro: {{files: {{/etc/{content}: {{content: {content}}}}}}}\n")
        messy.run("apply", "--yes")
    _, first = run_ids(messy)

    assert messy.run("undo", "--yes", first).code == 0
    assert not messy.at("/etc/one").exists() and messy.at("/etc/two").exists()
    told = messy.run("history").out
    assert f"(undoes {first})" in told and "(undone)" in told
    assert "no run in the journal begin with nothing" in messy.run("undo", "nothing").err


def test_a_secret_is_never_in_the_journal(messy: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_SECRET_TOKEN", "hunter2")
    messy.write(
        "version: 1\nsecrets: {token: {}}\n"
        "user: {files: {~/token: {content: 'x {{ secrets.token }}'}}, go_env: {GOPROXY: 'https://u:{{ secrets.token }}@x'}}\n"
    )
    assert messy.run("apply", "--yes").code == 0
    monkeypatch.setenv("RECONCILE_SECRET_TOKEN", "hunter3")
    assert messy.run("apply", "--yes").code == 0

    kept = [place for place in messy.root.rglob("*") if place.is_file() and b"hunter2" in place.read_bytes()]
    told = [place for place in messy.root.rglob("ledger") if b"hunter" in place.read_bytes()]
    assert (kept, told) == ([], [])
    undone = messy.run("undo", "--yes")
    assert undone.code == 5
    assert undone.out.count("blocked: what stood there before was not kept") + undone.out.count("held a secret") >= 2


def test_another_user_s_journal_is_that_user_s(messy: Machine) -> None:
    messy.write(DOCUMENT)
    messy.run("apply", "--yes")

    ledger = messy.at("~/.local/state/reconcile/ledger")
    assert "go_env:GOPROXY" in ledger.read_text()
    assert "go_env" not in messy.at("/var/lib/reconcile/ledger").read_text()


def test_history_of_a_machine_that_nobody_wrote_to_says_so(machine: Machine) -> None:
    told = machine.run("history")
    assert (told.code, told.err.splitlines()[0]) == (5, "no run is in the journal")


def test_a_second_run_from_a_copy_of_the_machine_goes_on_counting(messy: Machine, tmp_path: Path) -> None:
    """A machine that was cloned has its journal too."""
    messy.write("version: 1\ndistro: {files: {/etc/new: {content: x}}}\n")
    messy.run("apply", "--yes")
    shutil.copytree(messy.root, tmp_path / "clone", symlinks=True)
    messy.write("version: 1\ndistro: {files: {/etc/new: {content: y}}}\n")
    messy.run("apply", "--yes")
    assert len(run_ids(messy)) == 2


# ---- what is left, and going for good

LESS = "version: 1\ndistro: {symlinks: {/etc/localtime: /usr/share/zoneinfo/Etc/UTC}}\nuser: {go_env: {GOFLAGS: {absent: true}}}\n"


def test_what_nobody_declares_any_more_is_named_and_led_back_when_asked(messy: Machine) -> None:
    messy.run("apply", "--yes")
    messy.write(LESS)

    told = messy.run("plan")
    assert told.out.count("left: ") == 5, told.out
    assert "left: files:/etc/new, written by our run of " in told.out and "--prune removes it" in told.out
    assert messy.run("verify").code == 0, "what is left is no drift"
    pruned = messy.run("apply", "--prune", "--yes")

    assert pruned.code == 0, pruned
    assert messy.at("/etc/motd").read_bytes() == b"theirs\xff\n"
    assert not messy.at("/etc/new").exists() and not messy.at("/srv/deep").exists()
    assert messy.at("/etc/localtime").readlink() == Path("/usr/share/zoneinfo/Etc/UTC")
    assert "left: " not in messy.run("plan").out


def test_what_is_unmanaged_is_not_left(messy: Machine) -> None:
    messy.run("apply", "--yes")
    messy.write(LESS + "overlays: [{where: {}, distro: {files: {/etc/new: {unmanaged: true}}}}]\n")

    told = messy.run("plan").out
    assert "files:/etc/new is unmanaged: ours no more from the next apply on" in told
    assert "left: files:/etc/new" not in told
    assert messy.run("apply", "--yes").code == 0
    assert "/etc/new" not in messy.run("plan").out
    messy.write(LESS)
    assert "/etc/new" not in messy.run("plan").out, "it stays forgotten when the line goes"
    assert messy.run("apply", "--prune", "--yes").code == 0
    assert messy.at("/etc/new").exists()


def test_what_is_unmanaged_is_forgotten_by_a_saved_plan_too_and_history_says_so(messy: Machine) -> None:
    messy.write("version: 1\n" + USERS)
    messy.run("apply", "--yes")
    messy.write("version: 1\nuser: {go_env: {GOFLAGS: {unmanaged: true}}}\n")
    saved = str(messy.repo / "saved")
    assert messy.run("plan", "--output", saved).code == 0
    done = messy.run("apply", saved)

    assert done.code == 0, "nothing is written, so nobody is asked"
    assert "go_env:GOFLAGS (unmanaged from then on)" in messy.run("history").out
    assert [run["released"] for run in json.loads(messy.run("history", "--format", "json").out)] == [
        ["vm/main/dev:go_env:GOFLAGS"], []
    ]  # fmt: skip
    messy.write("version: 1\nuser: {go_env: {GOPRIVATE: x}}\n")
    assert "left: " not in messy.run("plan").out


def test_a_layer_is_not_emptied(messy: Machine) -> None:
    messy.run("apply", "--yes")
    messy.write("version: 1\ndistro: {files: {/etc/motd: {content: x}}}\n")
    messy.write("version: 1\nuser: {go_env: {GOFLAGS: {absent: true}}}\n")

    told = messy.run("plan")
    assert "left: files:/etc/new, written by our run of " in told.out, "also where nothing is declared any more"
    refused = messy.run("apply", "--prune", "--yes")
    assert (refused.code, "--prune would empty it" in refused.err) == (5, True)
    assert messy.at("/etc/new").exists()


GUARDED = "version: 1\nworkstations: {vm: {guard: {machine_id: %s}}}\ndistro: {files: {/etc/motd: {content: x}}}\n" % (
    "a" * 32
)
USERS = "user: {go_env: {GOFLAGS: -v}}\n"


def test_what_is_left_where_nothing_is_declared_any_more_is_told_on_a_guarded_machine_and_from_a_saved_plan(
    messy: Machine,
) -> None:
    messy.at("/etc/machine-id").write_text("a" * 32 + "\n")
    messy.write(GUARDED + USERS)
    assert messy.run("apply", "--yes").code == 0
    messy.write(GUARDED.replace("content: x", "content: y"))
    saved = str(messy.repo / "saved")

    told = messy.run("plan", "--output", saved)
    assert "left: go_env:GOFLAGS, written by our run of " in told.out, told
    assert [target["left"][0]["address"] for target in targets(messy) if target["left"]] == [
        "vm/main/dev:go_env:GOFLAGS"
    ]
    done = messy.run("apply", "--yes", saved)
    assert (done.code, messy.at("/etc/motd").read_text()) == (0, "y"), done


def targets(machine: Machine) -> list[dict[str, list[dict[str, str]]]]:
    (plan,) = json.loads(machine.run("plan", "--format", "json").out)["workstations"]
    return list(plan["targets"])


def test_a_plan_that_has_nothing_for_one_layer_can_be_saved(messy: Machine) -> None:
    messy.write("version: 1\n" + USERS)
    saved = str(messy.repo / "saved")
    assert messy.run("plan", "--output", saved).code == 0
    assert messy.run("apply", "--yes", saved).code == 0
    assert "GOFLAGS=-v" in messy.at("~/.config/go/env").read_text()


def test_who_moved_an_item_is_said(messy: Machine) -> None:
    messy.write("version: 1\ndistro: {files: {/etc/new: {content: one}}}\n")
    messy.run("apply", "--yes")
    messy.write("version: 1\ndistro: {files: {/etc/new: {content: two}}}\n")
    assert "moved on the machine" not in messy.run("plan").out
    messy.at("/etc/new").write_text("by hand")
    assert "note: moved on the machine since our run of " in messy.run("plan").out


@pytest.mark.parametrize("keep", [False, True])
def test_a_machine_is_given_back_and_forgotten(messy: Machine, keep: bool) -> None:
    before = tree(messy)
    messy.write(DOCUMENT.replace("boot: {systemd: true}, user: {default: dev}", "repair: true"))
    messy.run("apply", "--yes")
    messy.write(
        DOCUMENT.replace("boot: {systemd: true}, user: {default: dev}", "repair: true").replace("ours", "again")
    )
    messy.run("apply", "--yes")
    applied = tree(messy)

    done = messy.run("uninstall", "--yes", *(["--keep"] if keep else []))

    assert done.code == 0, done
    assert tree(messy) == (applied if keep else before)
    assert not messy.at("/var/lib/reconcile").exists() and not messy.at("~/.local/state/reconcile").exists()
    assert messy.run("history").code == 5


def test_while_something_cannot_be_led_back_the_journal_stays(messy: Machine) -> None:
    messy.run("apply", "--yes")
    messy.at("/etc/motd").write_text("somebody's")

    assert messy.run("uninstall", "--yes").code == 5
    assert messy.run("history").code == 0


def test_a_run_that_was_cut_short_is_cleared_up_after_with_nothing_to_change(messy: Machine) -> None:
    messy.write("version: 1\ndistro: {files: {/etc/new: {content: x}}}\n")
    messy.run("apply", "--yes")
    state = messy.at("/var/lib/reconcile")
    ledger = state / "ledger"
    ledger.write_text("".join(line for line in ledger.read_text().splitlines(True) if '"ended"' not in line))
    (state / "stage.999999999.5.1.n").mkdir()
    for name, text in {
        "generation": "1\n",
        "head": "reconcile-apply\nn\n\nsomebody\n",
        "parents": "/\n/etc\n",
        "tasks": "change 1\ntask write\npath /etc/new\ndirectory /etc/\nbase missing\n",
    }.items():
        (state / "stage.999999999.5.1.n" / name).write_text(text)
    messy.at("/etc/.reconcile.n.1").write_text("half")

    assert "was cut short" in " ".join(messy.run("plan").out.split())
    done = messy.run("apply", "--yes")

    assert done.code == 0 and "Note: " in done.out and "was interrupted" in done.out, done
    assert not messy.at("/etc/.reconcile.n.1").exists() and not list(state.glob("stage.*"))
    assert "cut short" not in messy.run("plan").out


def test_the_controller_keeps_a_record_of_the_run_for_itself(messy: Machine) -> None:
    messy.run("apply", "--yes")

    (place,) = (messy.home / ".local/state/reconcile/runs").iterdir()
    assert place.stat().st_mode & 0o777 == 0o600
    record = json.loads(place.read_text())
    assert record["run"] == place.stem == run_ids(messy)[0]
    assert {change["status"] for change in record["changes"]} == {"done"}
