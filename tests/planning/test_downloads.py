"""What a plan says of bytes that have to be fetched."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address, Target
from reconciler.model.facts import PathType
from reconciler.model.plan import Change, ItemPlan, Plan, TargetPlan
from reconciler.model.sizes import size_text
from reconciler.model.states import State
from reconciler.model.tasks import Base, Download, Unpack, WriteBlob
from reconciler.planning.downloads import noted

DISTRO = Target("lt", "main")
MISSING = Base(type=PathType.MISSING)


def test_items_say_where_their_bytes_are() -> None:
    here, there, theirs = (
        Download(url=f"https://example.com/{name}", digest=name * 64, by_target=name == "3") for name in "123"
    )
    tasks = {
        "here": WriteBlob(path="/here", content=here, base=MISSING),
        "there": Unpack(path="/there", archive=there, base=MISSING),
        "theirs": WriteBlob(path="/theirs", content=theirs, base=MISSING),
    }
    items = [
        ItemPlan(address=Address(DISTRO, "files", name), state=State.ADD, change=name, notes=("first",))
        for name in tasks
    ]
    items.append(ItemPlan(address=Address(DISTRO, "files", "blocked"), state=State.BLOCKED, change="here"))
    plan = Plan(
        workstation="lt",
        targets=(TargetPlan(target=DISTRO, items=tuple(items)),),
        changes=tuple(
            Change(id=name, target=DISTRO, thing=name, addresses=(), tasks=(task,)) for name, task in tasks.items()
        ),
    )

    found = noted(plan, {"1" * 64: 71_234_567})

    assert {item.address.item: item.notes for item in found.items} == {
        "here": ("first", "https://example.com/1: in the cache, 71.2 MB"),
        "there": ("first", "https://example.com/2: not fetched yet"),
        "theirs": ("first", "https://example.com/3: the machine fetches it"),
        "blocked": (),
    }
    assert found.changes == plan.changes


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (71_234_567, "71.2 MB"),
        (4 * 1024**3, "4.3 GB"),
    ],
)
def test_sizes_are_read_at_a_glance(size: int, text: str) -> None:
    assert size_text(size) == text
