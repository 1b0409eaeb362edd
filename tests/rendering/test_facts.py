from __future__ import annotations

from collections.abc import Callable

from reconciler.model.address import Target
from reconciler.model.facts import Host
from reconciler.model.later import NoValue
from reconciler.rendering.facts import facts_text

ALICE = Target("alice-lt", "main", "alice")
HOST = Host(
    user="alice",
    uid=1000,
    home="/home/alice",
    kernel="6.6.87.2-microsoft-standard-WSL2",
    architecture="x86_64",
    hostname="ALICE-LT",
    wsl=True,
    systemd=True,
)


def test_facts_look_as_they_did(golden: Callable[[str, str], None]) -> None:
    derived: dict[str, str | NoValue] = {
        "libc": "glibc",
        "networking_mode": "consomme",
        "windows_host_address": NoValue("in networking mode consomme the route does not tell where Windows is"),
    }
    golden("facts.txt", facts_text(ALICE, HOST, derived, width=80))


def test_a_fact_without_a_value_says_why() -> None:
    assert "  facts.libc  no value: none found" in facts_text(ALICE, HOST, {"libc": NoValue("none found")})


def test_root_is_told_from_a_user() -> None:
    assert "root (0, root)" in facts_text(ALICE, Host(user="root", uid=0, home="/root"), {})
    assert "alice (1000, no root)" in facts_text(ALICE, HOST, {})


def test_what_a_host_says_cannot_act_on_the_terminal() -> None:
    host = Host(user="a\x1b]0;x\x07", uid=1, home="/\u202e", hostname="\r", kernel="\x9b")
    text = facts_text(ALICE, host, {"x\x1b": "\x1b[2J", "y": NoValue("\x1b")})
    assert not [character for character in text if character != "\n" and not character.isprintable()]
