"""A path that one item owns is nobody else's, whatever is on the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Address, Layer, Target
from reconciler.model.claims import Path
from reconciler.model.desired import DesiredItems
from reconciler.model.errors import DocumentError
from reconciler.model.resource import Seen
from reconciler.model.tree import Origin
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.planning import owners
from reconciler.resources.any.directories import Directories, OwnedDirectory
from reconciler.resources.any.files import File, Files
from reconciler.resources.any.symlinks import Symlinks

if TYPE_CHECKING:
    from tests.planning.conftest import Toys
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
BOB = Target("lt", "main", "bob")


def problems(machine: Machine, resources: dict[Target, list[object]]) -> list[tuple[str, str, str | None]]:
    with pytest.raises(DocumentError) as error:
        machine.plan(resources)  # type: ignore[arg-type]
    return [(problem.what, str(problem.origin), problem.fix) for problem in error.value.problems]


def files(*paths: str, gone: bool = False, layer: Layer = Layer.DISTRO) -> Files:
    return Files(items={path: ABSENT if gone else File(content="x") for path in paths}, options={}, layer=layer)


def directories(*paths: str, gone: bool = False, layer: Layer = Layer.DISTRO) -> Directories:
    return Directories(items={path: ABSENT if gone else OwnedDirectory() for path in paths}, options={}, layer=layer)


def links(*paths: str, gone: bool = False) -> Symlinks:
    return Symlinks(items=dict.fromkeys(paths, ABSENT if gone else "/etc/hosts"), options={}, layer=Layer.DISTRO)


def test_two_kinds_for_one_path_are_an_error_with_both_places(machine: Machine) -> None:
    assert problems(machine, {DISTRO: [files("/opt/x"), links("/opt/x")]}) == [
        (
            "two items would write /opt/x: lt/main:files:/opt/x (reconcile.yaml:1:3) and "
            "lt/main:symlinks:/opt/x (reconcile.yaml:2:3)",
            "reconcile.yaml:2:3",
            "declare it in one of them only",
        )
    ]


def test_it_is_an_error_also_when_both_are_as_they_should_be(machine: Machine) -> None:
    """What is on the machine does not make it right."""
    machine.directory("/opt/x")
    assert len(problems(machine, {DISTRO: [directories("/opt/x"), files("/opt/x", gone=True)]})) == 1


def test_a_whole_file_and_a_member_of_it_are_an_error(machine: Machine, toys: Toys) -> None:
    found = problems(machine, {DISTRO: [toys.lines({"a": "1", "b": "2"}), files(toys.SHARED)]})
    assert [what for what, _, _ in found] == [
        f"two items would write {toys.SHARED}: lt/main:toy_lines:a (reconcile.yaml:1:3) and "
        f"lt/main:files:{toys.SHARED} (reconcile.yaml:3:3)"
    ]


def test_members_of_one_file_are_no_error(machine: Machine, toys: Toys) -> None:
    machine.plan({DISTRO: [toys.lines({"a": "1"}), toys.lines({"b": "1"}, kind="toy_others")]})


def test_an_unmanaged_item_claims_nothing(machine: Machine) -> None:
    withdrawn = Files(items={"/opt/x": UNMANAGED}, options={}, layer=Layer.DISTRO)
    machine.plan({DISTRO: [withdrawn, links("/opt/x")]})


@pytest.mark.parametrize("absolute", ["/home/alice/x", "~/x"])
def test_a_home_is_known_by_both_its_names(machine: Machine, absolute: str) -> None:
    assert (
        len(problems(machine, {ALICE: [files("~/x", layer=Layer.USER), directories(absolute, layer=Layer.USER)]})) == 1
    )


def test_a_path_is_known_by_where_links_lead(machine: Machine) -> None:
    """Though both are as they should be."""
    machine.file("/data/conf/x", "x")
    machine.link("/opt/conf", "/data/conf")
    (found,) = problems(machine, {DISTRO: [files("/opt/conf/x", "/data/conf/x")]})
    assert found[0].startswith("two items would write /data/conf/x: ")


def test_a_member_is_known_by_where_the_link_at_its_end_leads(machine: Machine, toys: Toys) -> None:
    machine.file("/data/real", "a=1\n")
    machine.link("/opt/link", "/data/real")
    toy = toys.lines({"a": "1"}, path="/opt/link", follow=True)
    whole = Files(items={"/data/real": File(content="a=1\n")}, options={}, layer=Layer.DISTRO)
    (found,) = problems(machine, {DISTRO: [toy, whole]})
    assert found[0].startswith("two items would write /data/real: ")


def test_the_same_pair_is_told_of_once(machine: Machine) -> None:
    machine.directory("/data/conf")
    machine.link("/opt/conf", "/data/conf")
    assert len(problems(machine, {DISTRO: [files("/opt/conf/x"), links("/opt/conf/x")]})) == 1


def test_all_clashes_are_told_of_at_once(machine: Machine) -> None:
    assert len(problems(machine, {DISTRO: [files("/opt/x", "/opt/y"), links("/opt/x", "/opt/y")]})) == 2


# ---- layers


def test_one_file_in_two_layers_is_an_error(machine: Machine, toys: Toys) -> None:
    """Neither may write with the rights of the other."""
    own = toys.lines({"b": "1"}, kind="toy_own", layer=Layer.USER)
    (found,) = problems(machine, {DISTRO: [toys.lines({"a": "1"})], ALICE: [own]})
    assert found[0] == (
        f"two layers would write {toys.SHARED}: lt/main:toy_lines:a (reconcile.yaml:1:3) and "
        "lt/main/alice:toy_own:b (reconcile.yaml:2:3)"
    )


def test_two_users_that_share_a_file_are_an_error(machine: Machine, toys: Toys) -> None:
    machine.accounts["bob"] = "/home/bob"
    toy = toys.lines({"a": "1"}, path="/opt/both")
    assert len(problems(machine, {ALICE: [toy], BOB: [toy]})) == 1


def test_the_same_path_on_another_machine_is_another_path(machine: Machine, toys: Toys) -> None:
    machine.plan({DISTRO: [files("/opt/x")], Target("lt", "second"): [links("/opt/x")]})


def test_each_home_is_its_own(machine: Machine) -> None:
    machine.accounts["bob"] = "/home/bob"
    machine.directory("/home/bob", owner="bob")
    machine.plan({ALICE: [files("~/x", layer=Layer.USER)], BOB: [files("~/x", layer=Layer.USER)]})


# ---- above and below


@pytest.mark.parametrize(
    "above", [directories("/opt/old", gone=True), files("/opt/old", gone=True), links("/opt/old", gone=True)]
)
@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_written_below_what_is_removed(machine: Machine, above: Files, there: bool) -> None:
    if there:
        machine.directory("/opt/old")
    assert problems(machine, {DISTRO: [above, files("/opt/old/deep/x")]}) == [
        (
            "lt/main:files:/opt/old/deep/x (reconcile.yaml:2:3) would be written below /opt/old, which "
            f"lt/main:{above.kind}:/opt/old (reconcile.yaml:1:3) removes",
            "reconcile.yaml:2:3",
            "take one of them out",
        )
    ]


def test_nothing_is_written_below_a_file(machine: Machine) -> None:
    (found,) = problems(machine, {DISTRO: [files("/opt/x"), directories("/opt/x/y")]})
    assert found[0].endswith("which lt/main:files:/opt/x (reconcile.yaml:1:3) makes no folder of")


def test_a_user_writes_nothing_below_what_the_distro_removes(machine: Machine) -> None:
    found = problems(
        machine, {DISTRO: [directories("/home/alice/old", gone=True)], ALICE: [files("~/old/x", layer=Layer.USER)]}
    )
    assert len(found) == 1


def test_a_member_of_a_file_below_what_is_removed_is_an_error_too(machine: Machine, toys: Toys) -> None:
    toy = toys.lines({"a": "1"}, path="/opt/old/conf")
    assert len(problems(machine, {DISTRO: [toy, directories("/opt/old", gone=True)]})) == 1


@pytest.mark.parametrize("above", [directories("/opt/a"), links("/opt/a")])
def test_below_a_directory_or_a_link_there_may_be_more(machine: Machine, above: Directories) -> None:
    machine.plan({DISTRO: [above, files("/opt/a/x")]})


def test_a_directory_and_what_is_in_it_may_go_together(machine: Machine) -> None:
    machine.file("/opt/old/deep/x")
    resources = [directories("/opt/old", "/opt/old/deep", gone=True), files("/opt/old/deep/x", gone=True)]
    plan = machine.plan({DISTRO: resources})
    assert [change.thing for change in plan.changes] == ["/opt/old/deep/x", "/opt/old/deep", "/opt/old"]
    assert machine.apply(plan) == {}


def test_what_an_item_brings_along_is_checked_too(machine: Machine, toys: Toys) -> None:
    class Bringing(type(toys.lines({}))):  # type: ignore[misc]
        kind = "toy_bringing"

        def implied(self, sheet: object) -> dict[str, object]:
            return {"hook": "on"}

    bringing = Bringing(items={}, options={}, layer=Layer.DISTRO)
    (found,) = problems(machine, {DISTRO: [bringing, files(toys.SHARED)]})
    assert "lt/main:toy_bringing:hook and lt/main:files:" in found[0]


def test_documents_alone_are_enough(toys: Toys) -> None:
    """As lint asks it, without a machine."""
    home = "/home/alice"
    addresses = [Address(ALICE, "files", "~/x"), Address(ALICE, "directories", "/home/alice/x")]
    desired = DesiredItems(target=ALICE, kinds={}, origins={each: Origin("a.yaml", 1, 1) for each in addresses})
    resources = [files("~/x", layer=Layer.USER), directories("/home/alice/x", layer=Layer.USER)]
    with pytest.raises(DocumentError, match="two items would write /home/alice/x"):
        owners.check(owners.writers(desired, resources, home))


def test_an_owner_that_provides_its_path_has_room_below(machine: Machine, toys: Toys) -> None:
    seen = Seen(fields={"value": "wanted"})
    mount = toys.Scripted({"m": toys.Item(owns=("/opt/m",), provides=(Path("/opt/m"),), seen=seen)})
    machine.plan({DISTRO: [mount, files("/opt/m/x")]})
