from __future__ import annotations

import re
from collections.abc import Callable

from reconciler.model.address import Address, Target
from reconciler.model.outcome import ApplyOutcome, ChangeOutcome, Status
from reconciler.model.plan import Change
from reconciler.rendering.result import result_text

DISTRO = Target("alice-lt", "main")
USER = Target("alice-lt", "main", "alice")


def outcome(
    status: Status, thing: str, *names: str, target: Target = DISTRO, message: str = "", kind: str = "k"
) -> ChangeOutcome:
    addresses = tuple(Address(target, kind, name) for name in names)
    change = Change(id=f"{target}:{thing}", target=target, thing=thing, addresses=addresses, tasks=())
    return ChangeOutcome(change=change, status=status, message=message)


def applied(*outcomes: ChangeOutcome, **more: tuple[str, ...]) -> ApplyOutcome:
    return ApplyOutcome(workstation="alice-lt", outcomes=outcomes, **more)


def test_a_result_looks_as_it_did(golden: Callable[[str, str], None]) -> None:
    moved = "/etc/fstab is not as it was when the plan was made"
    log = "".join(f"E: line {number}\n" for number in range(30))
    text = result_text(
        [
            applied(
                outcome(Status.DONE, "/etc/wsl.conf", "boot.systemd", "automount.options"),
                outcome(Status.DONE, "/opt/gobin/stable", "/opt/gobin/stable"),
                outcome(Status.REFUSED, "/etc/fstab", "/usr/local/gobin", message=moved),
                outcome(Status.SKIPPED, "mount /usr/local/gobin", "/usr/local/gobin", message="comes after /etc/fstab"),
                outcome(Status.FAILED, "packages", "git", "curl", message=f"apt-get ended with 100\n{log}"),
                outcome(Status.UNKNOWN, "~/.profile", "gobin", target=USER, message="the connection broke"),
                in_force_after=("wsl --terminate Ubuntu-24.04",),
                next_commands=("reconcile plan", "reconcile undo r-7f3a"),
            )
        ],
        width=80,
    )
    golden("result.txt", text)


def test_the_closing_line_counts_items_as_the_plan_does() -> None:
    text = result_text(
        [applied(outcome(Status.DONE, "/etc/wsl.conf", *"abcdef"), outcome(Status.REFUSED, "/etc/fstab", "g"))]
    )
    assert text.endswith("\nApplied: 6 changed, 1 refused, 0 failed on alice-lt.")


def test_an_item_with_several_changes_counts_once_and_by_the_worst() -> None:
    text = result_text([applied(outcome(Status.DONE, "/etc/fstab", "m"), outcome(Status.FAILED, "mount m", "m"))])
    assert text.endswith("Applied: 0 changed, 1 failed on alice-lt.")


def test_a_failed_change_without_items_is_not_lost() -> None:
    assert "0 changed, 1 failed" in result_text([applied(outcome(Status.FAILED, "reload"))])


def test_what_is_in_force_later_and_the_next_command_come_last() -> None:
    done = applied(
        outcome(Status.DONE, "/etc/wsl.conf", "x"),
        in_force_after=("wsl --terminate Ubuntu-24.04", "reboot"),
        next_commands=("reconcile plan",),
    )
    assert result_text([done]).split("\n")[-2:] == [
        "         In force after: wsl --terminate Ubuntu-24.04, then reboot.",
        "         Next: reconcile plan",
    ]


def test_of_a_long_message_the_first_line_and_the_end_are_shown() -> None:
    message = "\n".join(f"line {number}" for number in range(100))
    failed = [applied(outcome(Status.FAILED, "packages", "git", message=message))]
    shown = result_text(failed)
    assert [word for word in shown.split("\n") if "line" in word] == [
        f"           {words}"
        for words in ("line 0", "… 90 more lines; -v shows all", *(f"line {n}" for n in range(91, 100)))
    ]
    assert "line 5\n" in result_text(failed, verbose=True)


def test_several_workstations_end_with_a_line_that_counts_them_all() -> None:
    other = ApplyOutcome(
        workstation="bob-lt", outcomes=(outcome(Status.DONE, "x", "x", target=Target("bob-lt", "main")),)
    )
    text = result_text([applied(outcome(Status.DONE, "y", "y")), other])
    assert text.endswith("\n\nApplied: 2 changed, 0 failed on 2 workstations.")
    assert "Applied: 1 changed, 0 failed on bob-lt." in text


def test_nothing_done_is_said_in_one_line() -> None:
    assert result_text([applied()]) == "Applied: 0 changed, 0 failed on alice-lt."
    assert result_text([]) == ""


def test_an_undo_has_a_heading_of_its_own() -> None:
    assert result_text([applied()], heading="Undone") == "Undone: 0 changed, 0 failed on alice-lt."


def test_a_machine_s_words_cannot_act_on_the_terminal_or_pass_for_ours() -> None:
    message = "\x1b[2J\r\nApplied: 9 changed, 0 failed on alice-lt."
    text = result_text([applied(outcome(Status.FAILED, "x\n", "a", message=message))])
    assert "\x1b" not in text and "\r" not in text
    assert [line for line in text.split("\n") if line.startswith("Applied:")] == [
        "Applied: 0 changed, 1 failed on alice-lt."
    ]


def test_colour_changes_nothing_but_the_colour() -> None:
    results = [applied(*(outcome(status, status.value, "a", message="so") for status in Status))]
    coloured = result_text(results, colour=True)
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == result_text(results)
    assert "\x1b[" in coloured
