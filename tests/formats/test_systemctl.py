"""What systemctl show prints, as systemd 257 printed it."""

from __future__ import annotations

import pytest

from reconciler.formats import systemctl

SHOWN = """\
Type=notify
RemainAfterExit=no
Id=ssh.service
Names=ssh.service sshd.service
LoadState=loaded
ActiveState=active
UnitFileState=enabled
NeedDaemonReload=yes
ConditionResult=yes
ConditionTimestampMonotonic=1027712

Type=
RemainAfterExit=no
Id=nothere.service
Names=nothere.service
LoadState=not-found
ActiveState=inactive
UnitFileState=
NeedDaemonReload=no
ConditionResult=no
ConditionTimestampMonotonic=0

Type=oneshot
RemainAfterExit=no
Id=once.service
Names=once.service
LoadState=loaded
ActiveState=inactive
UnitFileState=disabled
NeedDaemonReload=no
ConditionResult=no
ConditionTimestampMonotonic=5
"""


def test_units_are_told_apart() -> None:
    ssh, missing, once = systemctl.parsed(SHOWN)
    assert (ssh.names, ssh.runs, ssh.is_enabled, ssh.is_stale) == (("ssh.service", "sshd.service"), True, True, True)
    assert (missing.load, missing.runs, missing.is_enabled) == ("not-found", False, False)
    assert (once.ends, ssh.ends) == (True, False)


def test_what_became_of_the_last_start_is_told() -> None:
    ssh, missing, once = systemctl.parsed(SHOWN)
    assert (ssh.trouble, missing.trouble) == (None, None)
    assert once.trouble is not None and "condition" in once.trouble
    (failed,) = systemctl.parsed("Id=a.service\nNames=a.service\nActiveState=failed\n")
    assert failed.trouble == "it failed"


def test_a_oneshot_that_remains_runs() -> None:
    (unit,) = systemctl.parsed("Id=a.service\nType=oneshot\nRemainAfterExit=yes\nActiveState=active\n")
    assert (unit.ends, unit.runs) == (False, True)


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("ssh", "ssh.service"),
        ("ssh.socket", "ssh.socket"),
        ("a.b", "a.b.service"),
        ("x@y", "x@y.service"),
        ("x@y.timer", "x@y.timer"),
        ("dbus-org.freedesktop.timesync1", "dbus-org.freedesktop.timesync1.service"),
    ],
)
def test_service_is_implied(name: str, whole: str) -> None:
    assert systemctl.unit_name(name) == whole


def test_no_answer_is_no_unit_that_runs() -> None:
    assert [unit.names for unit in systemctl.parsed("")] == [()]
