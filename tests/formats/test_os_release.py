"""What a distro calls itself."""

from __future__ import annotations

import pytest

from reconciler.formats import os_release


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ID=debian\n", ("debian",)),
        ("NAME=x\nID=ubuntu\nID_LIKE=debian\n", ("ubuntu", "debian")),
        ('ID="rocky"\r\nID_LIKE="rhel centos fedora"\r\n', ("rocky", "rhel", "centos", "fedora")),
        ("ID='arch'\nID_LIKE=arch", ("arch",)),
        ("# ID=no\nID_LIKE=debian\nID=\n", ("debian",)),
        ("", ()),
        ("VERSION_ID=12\n", ()),
    ],
)
def test_the_closest_name_comes_first(text: str, names: tuple[str, ...]) -> None:
    assert os_release.names(text) == names
