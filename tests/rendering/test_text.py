from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.model.address import Address, Target
from reconciler.model.plan import Change, FieldDiff, Finding, ItemPlan, Plan, Severity, TargetPlan
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, Risk, State, TargetState
from reconciler.model.tasks import RunCommand
from reconciler.model.tree import Origin
from reconciler.rendering.text import plan_text
from reconciler.rendering.visible import cell_width
from yardstick import yardsticks

Golden = Callable[[str, str], None]
Quiet = Callable[[str, int], Plan]

LT = Target("lt", "main")
COLOURS = re.compile("\x1b\\[[0-9;]*m")


def plan_of(*items: ItemPlan, changes: tuple[Change, ...] = (), **more: object) -> Plan:
    return Plan(workstation="lt", targets=(TargetPlan(target=LT, items=items),), changes=changes, **more)  # type: ignore[arg-type]


def item(name: str, state: State, kind: str = "go_env", **more: object) -> ItemPlan:
    return ItemPlan(address=Address(LT, kind, name), state=state, **more)  # type: ignore[arg-type]


def value(before: object, after: object) -> tuple[FieldDiff, ...]:
    return (FieldDiff(name="value", before=before, after=after),)


@pytest.mark.parametrize("width", [80, 120])
def test_a_plan_looks_as_it_did(laptop: Plan, golden: Golden, width: int) -> None:
    golden(f"laptop-{width}.txt", plan_text([laptop], width=width))


def test_a_verbose_plan_looks_as_it_did(laptop: Plan, golden: Golden) -> None:
    golden("laptop-verbose-100.txt", plan_text([laptop], width=100, verbose=True))


def test_a_plan_in_ascii_looks_as_it_did(laptop: Plan, golden: Golden) -> None:
    text = plan_text([laptop], width=80, unicode=False)
    assert text.isascii()
    golden("laptop-ascii-80.txt", text)


def test_a_plan_in_colour_looks_as_it_did(laptop: Plan, golden: Golden) -> None:
    golden("laptop-colour-80.txt", plan_text([laptop], width=80, colour=True))


def test_a_fleet_looks_as_it_did(laptop: Plan, quiet: Quiet, golden: Golden) -> None:
    golden(
        "fleet-80.txt", plan_text([quiet("carol-lt", 41), quiet("dave-lt", 1), laptop, quiet("eve-lt", 2)], width=80)
    )


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("verbose", [False, True])
def test_colour_changes_nothing_but_the_colour(laptop: Plan, width: int, verbose: bool) -> None:
    coloured = plan_text([laptop], width=width, colour=True, verbose=verbose)
    assert COLOURS.search(coloured)
    assert COLOURS.sub("", coloured) == plan_text([laptop], width=width, colour=False, verbose=verbose)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal(laptop: Plan, width: int) -> None:
    assert max(cell_width(line) for line in plan_text([laptop], width=width).split("\n")) <= width


def test_a_very_wide_terminal_does_not_tear_lines_apart(laptop: Plan) -> None:
    assert plan_text([laptop], width=300) == plan_text([laptop], width=120)


def test_the_summary_is_the_first_and_the_last_thing_said() -> None:
    needs = ("sudo on main", "then `wsl --terminate Ubuntu-24.04` (2 sessions open)")
    summary = f"Plan: 3 to add, 38 in sync on lt.\n      Needs: {needs[0]}; {needs[1]}."
    added = [item(f"NEW{number}", State.ADD) for number in range(3)]
    same = [item(f"OLD{number}", State.IN_SYNC) for number in range(38)]
    text = plan_text([plan_of(*added, *same, needs=needs)], width=100)
    assert text.startswith(summary + "\n\n")
    assert text.endswith("\n\n" + summary)


def test_counts_of_zero_are_left_out_and_the_rest_has_one_order() -> None:
    states = [State.IN_SYNC, State.BLOCKED, State.ADD, State.REMOVE, State.CHANGE]
    text = plan_text([plan_of(*(item(state.value, state, why="so") for state in states))], width=100)
    assert text.startswith("Plan: 1 to add, 1 to change, 1 to remove, 1 blocked, 1 in sync on lt.\n")


def test_nothing_to_do_is_said_in_one_line(quiet: Quiet) -> None:
    assert plan_text([quiet("alice-lt", 41)]) == "Plan: nothing to change, 41 in sync on alice-lt."
    assert plan_text([Plan(workstation="lt")]) == "Plan: nothing to change on lt."


def test_the_heading_is_the_command_s() -> None:
    assert plan_text([Plan(workstation="lt")], heading="Verify") == "Verify: nothing to change on lt."


def test_what_is_blocked_is_nothing_to_change_but_not_silent() -> None:
    text = plan_text([plan_of(item("A", State.BLOCKED, why="needs the user builder", fix="create it"))])
    assert text.startswith("Plan: nothing to change, 1 blocked on lt.")
    assert "    ! A  blocked: needs the user builder\n        fix: create it\n" in text


def test_several_workstations_have_a_block_each_and_a_line_that_counts_them_all(quiet: Quiet) -> None:
    text = plan_text([quiet("a", 2), plan_of(item("X", State.ADD)), quiet("b", 1)])
    lines = text.split("\n")
    assert lines[0] == lines[-1] == "Plan: 1 to add, 3 in sync on 3 workstations."
    for block in (
        "Plan: nothing to change, 2 in sync on a.",
        "Plan: 1 to add on lt.",
        "Plan: nothing to change, 1 in sync on b.",
    ):
        assert lines.count(block) == 1


def test_a_fleet_in_sync_is_a_list(quiet: Quiet) -> None:
    lines = plan_text([quiet("a", 2), quiet("b", 3)]).split("\n")
    assert lines[2:4] == ["Plan: nothing to change, 2 in sync on a.", "Plan: nothing to change, 3 in sync on b."]


def test_the_total_names_the_machines_that_nobody_looked_at(quiet: Quiet) -> None:
    gone = Plan(
        workstation="ci",
        targets=(TargetPlan(target=Target("ci", "main"), state=TargetState.UNREACHABLE, why="no route to host"),),
    )
    text = plan_text([quiet("a", 1), gone])
    assert text.endswith("      Unreachable: ci/main.")
    assert "ci/main  unreachable\n  no route to host\n" in text


def test_targets_not_looked_at_are_named_once_with_the_way_to_look() -> None:
    stopped = tuple(
        TargetPlan(target=Target("lt", "main", user), state=TargetState.STOPPED) for user in (None, "alice", "bob")
    )
    here = TargetPlan(target=Target("lt", "gone"), state=TargetState.NOT_HERE)
    assert plan_text([Plan(workstation="lt", targets=(*stopped, here))]) == (
        "Plan: nothing to change on lt.\n      Not looked at: main (stopped; --start), gone (not here)."
    )


def test_risks_are_counted_with_their_addresses_where_something_is_written() -> None:
    risky = frozenset({Risk.RUNS_CODE_LATER})
    written = [item(name, State.ADD, risks=risky) for name in ("A", "B")]
    text = plan_text([plan_of(*written, item("C", State.IN_SYNC, risks=risky))])
    assert "      2 run code later: lt/main:go_env:A, lt/main:go_env:B.\n" in text
    assert text.count("risk: runs code later") == 2


def test_many_risky_addresses_are_cut_in_the_summary_but_not_with_verbose() -> None:
    items = [item(f"K{number:02}", State.REMOVE, risks=frozenset({Risk.DELETES})) for number in range(20)]
    text = plan_text([plan_of(*items)])
    assert "20 delete:" in text.split("\n\n")[0] and "16 more." in text.split("\n\n")[0]
    assert "K19" in plan_text([plan_of(*items)], verbose=True).split("\n\n")[0]


def test_each_state_is_told_without_colour() -> None:
    said = {
        State.ADD: "    + X\n",
        State.CHANGE: "    ~ X\n",
        State.REMOVE: "    - X\n",
        State.BLOCKED: "    ! X  blocked: so",
        State.UNKNOWN: "    ? X  unknown: so",
        State.PENDING: "    … X  pending: so",
        State.WAITING: "    … X  waiting: so",
        State.WAIVED: "    w X  waived: so",
        State.NOT_APPLICABLE: "    n X  not applicable: so",
        State.CHECK: "    > X  check: so",
        State.IN_SYNC: "    = X\n",
    }
    assert set(said) == set(State)
    for state, words in said.items():
        why = None if state.is_write else "so"
        assert words in plan_text([plan_of(item("X", state, why=why))], verbose=True) + "\n"


def test_what_is_in_sync_is_listed_with_verbose_only() -> None:
    plan = plan_of(item("NEW", State.ADD), item("OLD", State.IN_SYNC, after={"value": "x"}))
    assert "OLD" not in plan_text([plan])
    assert "    = OLD: x\n" in plan_text([plan], verbose=True)


def test_an_item_in_sync_with_a_note_is_listed() -> None:
    assert "note: a newer one exists" in plan_text([plan_of(item("X", State.IN_SYNC, notes=("a newer one exists",)))])


def test_old_and_new_stand_on_one_line_where_they_fit() -> None:
    fields = (FieldDiff(name="mode", before="0755", after="0750"), FieldDiff(name="owner", before=None, after="root"))
    text = plan_text([plan_of(item("/opt", State.CHANGE, "directories", diffs=fields))])
    assert '        mode: "0755" → "0750"\n        owner: absent → root\n' in text


def test_old_and_new_stand_below_each_other_where_they_do_not_fit() -> None:
    text = plan_text([plan_of(item("X", State.CHANGE, diffs=value("a" * 50, "b" * 50)))], width=80)
    assert f"    ~ X\n          {'a' * 50}\n        → {'b' * 50}\n" in text


def test_of_long_values_the_part_that_differs_is_shown() -> None:
    before, after = "a" * 5000 + "OLD" + "z" * 5000, "a" * 5000 + "NEW" + "z" * 5000
    text = plan_text([plan_of(item("X", State.CHANGE, diffs=value(before, after)))])
    assert "OLD" in text and "NEW" in text and len(text) < 2000
    assert "more characters; -v shows all" in text
    assert after in plan_text([plan_of(item("X", State.CHANGE, diffs=value(before, after)))], verbose=True)


def test_what_is_added_shows_the_new_and_what_is_removed_the_old() -> None:
    plan = plan_of(item("NEW", State.ADD, diffs=value(None, "x")), item("OLD", State.REMOVE, diffs=value("y", None)))
    assert "    + NEW: x\n    - OLD: y\n" in plan_text([plan])


def test_fields_are_shown_where_planning_gave_no_differences() -> None:
    plan = plan_of(item("NEW", State.ADD, after={"value": "x"}), item("OLD", State.REMOVE, before={"value": "y"}))
    assert "    + NEW: x\n    - OLD: y\n" in plan_text([plan])


def test_an_origin_stands_at_the_right_edge() -> None:
    text = plan_text(
        [plan_of(item("X", State.ADD, diffs=value(None, "on"), origin=Origin("reconcile.yaml", 12, 3)))], width=60
    )
    assert "    + X: on" + " " * 31 + " reconcile.yaml:12\n" in text


def test_when_a_change_is_in_force_stands_once_behind_the_kind() -> None:
    items = [item(name, State.ADD, effect=Effect.TERMINATE) for name in ("A", "B")]
    assert "  go_env  in force after wsl --terminate\n    + A\n    + B\n" in plan_text([plan_of(*items)])


def test_when_changes_are_in_force_stands_at_each_item_where_it_differs() -> None:
    items = (
        item("A", State.ADD, effect=Effect.TERMINATE),
        item("B", State.ADD, effect=Effect.REBOOT),
        item("C", State.ADD),
    )
    text = plan_text([plan_of(*items)])
    assert (
        "    + A\n        in force after wsl --terminate\n    + B\n        in force after a reboot\n    + C\n" in text
    )


def test_every_effect_that_is_not_now_is_told() -> None:
    for effect in set(Effect) - {Effect.NOW}:
        assert "in force" in plan_text([plan_of(item("A", State.ADD, effect=effect))])


def test_what_a_change_comes_after_is_told_but_not_its_own_parts() -> None:
    def change(id_: str, thing: str, *names: str, needs: tuple[str, ...] = ()) -> Change:
        addresses = tuple(Address(LT, "go_env", name) for name in names)
        return Change(id=id_, target=LT, thing=thing, addresses=addresses, tasks=(), needs=needs)

    changes = (change("1", "/etc/fstab", "M"), change("2", "/opt", "D"), change("3", "mount", "M", needs=("1", "2")))
    text = plan_text([plan_of(item("M", State.ADD, change="3"), changes=changes)])
    assert "after /opt\n" in text and "fstab" not in text


def test_the_programs_that_a_change_runs_are_shown(laptop: Plan) -> None:
    assert "    runs apt-get install --yes --no-install-recommends git build-essential\n" in plan_text([laptop])


def test_the_programs_of_every_change_of_an_item_are_shown() -> None:
    def change(number: str, *words: str) -> Change:
        address = Address(LT, "go_env", "A")
        return Change(id=number, target=LT, thing=number, addresses=(address,), tasks=(RunCommand(argv=words),))

    changes = (change("1", "useradd", "eve"), change("2", "install", "rule"))
    text = plan_text([plan_of(item("A", State.ADD, change="2"), changes=changes)])
    assert "    runs useradd eve\n    runs install rule\n" in text


def test_a_target_that_may_not_be_read_says_why_once() -> None:
    items = tuple(item(f"K{number}", State.UNKNOWN, why="needs root") for number in range(30))
    plan = Plan(workstation="lt", targets=(TargetPlan(target=LT, items=items, why="needs root"),))
    assert plan_text([plan]).count("needs root") == 1
    assert "lt/main  30 unknown\n  needs root\n" in plan_text([plan])


def test_an_item_that_is_unknown_for_another_reason_than_its_target_is_listed() -> None:
    items = (item("A", State.UNKNOWN, why="needs root"), item("B", State.UNKNOWN, why="facts.libc has no value"))
    plan = Plan(workstation="lt", targets=(TargetPlan(target=LT, items=items, why="needs root"),))
    assert "    ? B  unknown: facts.libc has no value\n" in plan_text([plan]) and "? A" not in plan_text([plan])


def test_a_secret_in_sync_is_hidden_on_both_sides() -> None:
    kept = item("T", State.IN_SYNC, before={"value": "canary"}, after={"value": Secret("canary", frozenset({"t"}))})
    assert "    = T: (secret)\n" in plan_text([plan_of(kept)], verbose=True)


def test_errors_come_before_warnings_and_say_the_ways_out(laptop: Plan) -> None:
    text = plan_text([laptop])
    assert text.index("error sumdb-off") < text.index("warning resolv-conf")
    assert "    way out: distro:" in text and "         or: leave it to WSL" in text


def test_findings_alone_are_a_body() -> None:
    finding = Finding(rule="clock-skew", severity=Severity.NOTE, what="2 s")
    text = plan_text([plan_of(findings=(finding,))])
    assert text.count("Findings: 1 note.") == 2 and "  note clock-skew: 2 s" in text


def test_no_secret_is_shown_whatever_side_it_stands_on(laptop: Plan) -> None:
    text = plan_text([laptop], verbose=True)
    assert "canary" not in text
    assert "~ variables.HTTPS_PROXY: (secret) → (secret)" in text


def test_a_secret_that_is_in_sync_is_not_shown_in_a_file_where_something_else_changes(laptop: Plan) -> None:
    secret = Secret("export TOKEN=canary-in-sync", frozenset({"token"}))
    kept = item("TOKEN", State.IN_SYNC, before={"value": "export TOKEN=canary-in-sync"}, after={"value": secret})
    conf = next(change for change in laptop.changes if change.id == "conf")
    assert conf.text is not None
    text = replace(conf.text, after=f"{conf.text.after}export TOKEN=canary-in-sync\n")
    plan = plan_of(kept, item("OTHER", State.CHANGE, change="conf"), changes=(replace(conf, text=text),))
    assert "systemd=true" in plan_text([laptop], verbose=True)
    shown = plan_text([plan], verbose=True)
    assert "canary" not in shown and "(secret)" in shown


def test_bytes_that_are_no_text_are_shown_as_escapes(laptop: Plan) -> None:
    assert "+# caf\\xe9" in plan_text([laptop], verbose=True)


def test_two_thousand_items_are_shown_in_little_time() -> None:
    text = "\n".join(f"line {number}" for number in range(60))
    kinds = (
        lambda name: item(name, State.CHANGE, diffs=value("a", "b"), origin=Origin("x.yaml", 1, 1)),
        lambda name: item(name, State.ADD, "directories", diffs=(FieldDiff(name="mode", before=None, after="0755"),)),
        lambda name: item(name, State.CHANGE, "files", diffs=value(text, text.replace("line 30", "line thirty"))),
        lambda name: item(
            name, State.BLOCKED, "packages", why="it is not there and nobody declares it, " * 3, fix="do so"
        ),
    )
    plan = plan_of(*(kinds[number % 4](f"NAME{number}") for number in range(2000)))
    assert yardsticks(lambda: plan_text([plan], colour=True)) < 25


def test_targets_that_share_one_reason_are_told_of_once() -> None:
    main, dev = Target("box", "main"), Target("box", "main", "dev")
    why, fix = "box refused the connection", "see that sshd runs there"
    away = [TargetPlan(target=target, state=TargetState.UNREACHABLE, why=why, fix=fix) for target in (main, dev)]
    shown = plan_text([Plan(workstation="box", targets=tuple(away))])
    assert (
        "box/main, box/main/dev  unreachable\n  box refused the connection\n  fix: see that sshd runs there\n" in shown
    )
    assert shown.count(why) == 1

    def refused(target: Target, why: str) -> TargetPlan:
        item = ItemPlan(address=Address(target, "files", "/x"), state=State.BLOCKED, why=why)
        return TargetPlan(target=target, why=why, items=(item,))

    both = plan_text([Plan(workstation="box", targets=(refused(main, "guard: a"), refused(dev, "guard: a")))])
    assert "box/main, box/main/dev  2 blocked\n  guard: a\n" in both
    each = plan_text([Plan(workstation="box", targets=(refused(main, "guard: a"), refused(dev, "guard: b")))])
    assert "box/main  1 blocked\n" in each and "box/main/dev  1 blocked\n" in each


def test_a_check_is_shown_and_counted_only_when_it_is_due() -> None:
    idle = plan_of(item("it works", State.CHECK, "checks"), item("A", State.IN_SYNC))
    assert plan_text([idle]) == "Plan: nothing to change, 1 in sync on lt."
    assert "it works" in plan_text([idle], verbose=True)
    due = plan_of(item("it works", State.CHECK, "checks", change="c"), item("A", State.ADD))
    assert "> it works  check: after the other changes" in plan_text([due])
    assert plan_text([due]).startswith("Plan: 1 to add, 1 to check on lt.")
