"""The fingerprint of a change: the same where nothing has moved, another where anything has that it relies on."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.claims import Account, Need
from reconciler.model.resource import Seen
from reconciler.model.secrets import Secret
from reconciler.model.tasks import RunCommand
from reconciler.model.values import ABSENT
from reconciler.planning import fingerprint
from reconciler.resources.any.files import File, Files, OwnedFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.planning.conftest import Toys
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PATH = "/etc/motd"


def motd(machine: Machine, wanted: object = "new\n", key: bytes = KEY, **more: str) -> str:
    files = Files(items={PATH: OwnedFile(content=wanted, **more)}, options={}, layer=Layer.DISTRO)
    (change,) = machine.plan({DISTRO: [files]}, key=key).changes
    return change.fingerprint


def test_it_is_the_same_for_the_same(machine: Machine) -> None:
    machine.file(PATH, "old\n")
    assert motd(machine) == motd(machine)
    assert len(motd(machine)) == 64


@pytest.mark.parametrize(
    "move",
    [
        lambda machine: machine.file(PATH, "older\n"),
        lambda machine: machine.file(PATH, "old\n", mode=0o600),
        lambda machine: machine.file(PATH, "old\n", owner="alice"),
        lambda machine: machine.nodes.pop(PATH),
    ],
    ids=["content", "mode", "owner", "gone"],
)
def test_it_changes_with_what_is_there(machine: Machine, move: Callable[[Machine], None]) -> None:
    machine.file(PATH, "old\n")
    before = motd(machine)
    move(machine)
    assert motd(machine) != before


def test_it_is_keyed_where_only_what_is_replaced_holds_a_secret(machine: Machine) -> None:
    machine.file(PATH, "old\n")
    (change,) = machine.plan({DISTRO: [Files(items={PATH: ABSENT}, options={}, layer=Layer.DISTRO)]}).changes
    secret = replace(change, unkept={PATH: frozenset({"token"})})
    assert fingerprint.of(change, (), KEY) == fingerprint.of(change, (), OTHER_KEY)
    assert fingerprint.of(secret, (), KEY) != fingerprint.of(secret, (), OTHER_KEY)


def test_it_changes_with_what_is_wanted(machine: Machine) -> None:
    machine.file(PATH, "old\n")
    assert len({motd(machine), motd(machine, "newer\n"), motd(machine, mode="0600"), motd(machine, owner="alice")}) == 4


def test_it_changes_with_the_claims_relied_on(machine: Machine, toys: Toys) -> None:
    def of(*needs: Need) -> str:
        (change,) = machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(needs=needs)})]}).changes
        return change.fingerprint

    assert of() != of(Need(Account("root"))) != of(Need(Account("alice")))


def test_it_changes_with_undeclared_fields_of_the_item(machine: Machine, toys: Toys) -> None:
    def of(owner: str) -> str:
        seen = Seen(fields={"value": "old", "owner": owner})
        (change,) = machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(seen=seen)})]}).changes
        return change.fingerprint

    assert of("root") != of("alice")


def test_it_changes_with_the_programs_that_run(machine: Machine, toys: Toys) -> None:
    from reconciler.model.resource import Part

    def of(task: RunCommand) -> str:
        part = Part(thing="x", tasks=(task,))
        (change,) = machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(parts=(part,))})]}).changes
        return change.fingerprint

    assert len({of(RunCommand(argv=("a",))), of(RunCommand(argv=("b",))), of(RunCommand(argv=("a",), stdin=b"x"))}) == 3


def test_it_does_not_change_with_what_comes_before(machine: Machine, toys: Toys) -> None:
    """Else a saved plan that broke off half way could never be taken up again."""
    provider, need = Account("bob"), Need(Account("bob"))

    def plan() -> dict[str, str]:
        providing = toys.Scripted({"bob": toys.Item(provides=(provider,))}, kind="toy_providing")
        if "bob" in machine.accounts:
            providing = toys.Scripted({}, kind="toy_providing")
        changes = machine.plan({DISTRO: [providing, toys.Scripted({"x": toys.Item(needs=(need,))})]}).changes
        return {change.id: change.fingerprint for change in changes}

    before = plan()
    machine.accounts["bob"] = "/home/bob"
    after = plan()
    assert len(before) == 2
    assert after == {"lt/main:toy x": before["lt/main:toy x"]}


def test_a_directory_made_on_the_way_does_not_depend_on_what_is_written_below(machine: Machine) -> None:
    """Where one file has moved since the plan, the others still get their directory."""

    def of(content: str) -> dict[str, str]:
        items = {"/opt/a/x": OwnedFile(content=content), "/opt/a/y": OwnedFile(content="y")}
        changes = machine.plan({DISTRO: [Files(items=items, options={}, layer=Layer.DISTRO)]}).changes
        return {change.thing: change.fingerprint for change in changes}

    before, after = of("one"), of("two")
    assert [thing for thing in before if before[thing] != after[thing]] == ["/opt/a/x"]


def test_a_neighbour_elsewhere_makes_no_difference(machine: Machine, toys: Toys) -> None:
    alone = {change.id: change.fingerprint for change in machine.plan({DISTRO: [toys.lines({"a": "1"})]}).changes}
    other = toys.lines({"b": "1"}, kind="toy_others", path="/etc/other.conf")
    both = {change.id: change.fingerprint for change in machine.plan({DISTRO: [toys.lines({"a": "1"}), other]}).changes}
    assert alone.items() <= both.items()


# ---- secrets


def secret(value: str) -> Secret:
    return Secret(value, frozenset({"password"}))


def test_without_secrets_the_key_makes_no_difference(machine: Machine) -> None:
    """So that a plan can be saved by one person and applied by another."""
    assert motd(machine) == motd(machine, key=OTHER_KEY)


def test_with_a_secret_only_the_key_tells_which(machine: Machine) -> None:
    assert motd(machine, secret("a")) == motd(machine, secret("a"))
    assert motd(machine, secret("a")) != motd(machine, secret("b"))
    assert motd(machine, secret("a")) != motd(machine, secret("a"), key=OTHER_KEY)


def test_the_bytes_that_hold_a_secret_now_enter_keyed_too(machine: Machine) -> None:
    """The base has the digest of the whole old file, which is the old secret perhaps."""
    machine.file(PATH, "old")
    assert motd(machine, secret("a")) != motd(machine, secret("a"), key=OTHER_KEY)


def test_a_secret_that_stands_beside_the_change_makes_it_keyed(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "proxy=pw\n")

    def of(key: bytes) -> str:
        (change,) = machine.plan({DISTRO: [toys.lines({"proxy": secret("pw"), "color": "red"})]}, key=key).changes
        return change.fingerprint

    assert of(KEY) != of(OTHER_KEY)


def test_no_digest_of_the_secret_content_is_in_the_fingerprint_in_the_clear(machine: Machine) -> None:
    assert hashlib.sha256(b"a").hexdigest() not in motd(machine, secret("a"))


def test_a_short_key_is_refused(machine: Machine) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        motd(machine, secret("a"), key=b"short")


def test_an_owner_and_plain_content_do_not_need_a_key(machine: Machine) -> None:
    files = Files(items={PATH: File(content="x")}, options={}, layer=Layer.DISTRO)
    assert machine.plan({DISTRO: [files]}, key=b"").changes
