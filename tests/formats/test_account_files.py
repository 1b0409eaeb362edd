"""passwd and group as the C library reads them."""

from __future__ import annotations

import grp
import pwd
from pathlib import Path

from reconciler.formats import account_files
from reconciler.formats.account_files import GroupEntry


def test_an_account_is_told_with_all_its_fields() -> None:
    entry = account_files.passwd("dev:x:1000:1001:Dev Eloper,,,:/home/dev:/bin/zsh\n")["dev"]
    assert (entry.uid, entry.gid, entry.comment) == (1000, 1001, "Dev Eloper,,,")
    assert (entry.home, entry.shell) == ("/home/dev", "/bin/zsh")


def test_lines_that_are_none_are_passed_over() -> None:
    text = "\n# dev:x:1:1::/:/bin/sh\n+::::::\ndev:x:one:1::/:/bin/sh\nshort:x:1\nlast:x:7:7:::"
    assert list(account_files.passwd(text)) == ["last"]
    assert list(account_files.group("\nbad:x:y:\n:x:1:\nok:x:1:\n+:::\n")) == ["ok"]


def test_the_first_of_several_counts() -> None:
    assert account_files.passwd("a:x:1:1::/1:\na:x:2:2::/2:\n")["a"].uid == 1
    assert account_files.group("a:x:1:\na:x:2:\n")["a"].gid == 1


def test_a_shell_may_be_empty_and_bytes_may_be_any() -> None:
    text = b"d\xe9v:x:1:1:\xff:/:\n".decode("utf-8", "surrogateescape")
    (entry,) = account_files.passwd(text).values()
    assert entry.shell == "" and entry.name.encode("utf-8", "surrogateescape") == b"d\xe9v"


def test_members_are_told_without_empty_names() -> None:
    assert account_files.group("g:x:5:a,,b\n")["g"] == GroupEntry(name="g", gid=5, members=("a", "b"))


def test_somebody_is_in_the_first_group_too() -> None:
    groups = account_files.group("own:x:1000:\nb:x:2:dev\na:x:3:eve,dev\nc:x:4:device\n")
    entry = account_files.passwd("dev:x:1000:1000:::\n")["dev"]
    assert account_files.groups_of(entry, groups) == ("a", "b", "own")


def test_this_computers_files_are_read_as_the_c_library_does() -> None:
    users = account_files.passwd(Path("/etc/passwd").read_text(errors="surrogateescape"))
    for entry in users.values():
        known = pwd.getpwnam(entry.name)
        assert (entry.uid, entry.gid, entry.home, entry.shell) == (
            known.pw_uid,
            known.pw_gid,
            known.pw_dir,
            known.pw_shell,
        )
    groups = account_files.group(Path("/etc/group").read_text(errors="surrogateescape"))
    assert {name: entry.gid for name, entry in groups.items()} == {name: grp.getgrnam(name).gr_gid for name in groups}
